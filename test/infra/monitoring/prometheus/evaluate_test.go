// Evaluates rules by Prometheus' own engine. A test only because its in-memory storage is for tests: it asserts nothing, but
// reads $INPUT and writes what it found to $OUTPUT, for behaviour.test.ts.
package prometheus

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
)

type input struct {
	// A file of rules as Prometheus reads it.
	Rules json.RawMessage
	// Series of each world, in the notation of Prometheus' own tests.
	Worlds map[string]string
	// What is asked in each world.
	Queries map[string]string
	// Seconds after the first sample at which it is asked.
	Seconds int64
}

type output struct {
	// What is wrong with the file of rules, its templates included.
	Problems []string
	// By world and query: the labels and value of each result.
	Results map[string]map[string][]string
}

const (
	lookback   = 5 * time.Minute
	maxSamples = 50_000_000
)

func TestEvaluate(t *testing.T) {
	raw, err := os.ReadFile(os.Getenv("INPUT"))
	if err != nil {
		t.Fatal(err)
	}
	var in input
	if err := json.Unmarshal(raw, &in); err != nil {
		t.Fatal(err)
	}
	out := output{Problems: []string{}, Results: map[string]map[string][]string{}}
	_, problems := rulefmt.Parse(in.Rules, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.Default())
	for _, problem := range problems {
		out.Problems = append(out.Problems, problem.Error())
	}
	for name, series := range in.Worlds {
		out.Results[name] = ask(t, series, in)
	}
	text, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(os.Getenv("OUTPUT"), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func ask(t *testing.T, series string, in input) map[string][]string {
	storage := promqltest.LoadedStorage(t, series)
	defer storage.Close()
	engine := promqltest.NewTestEngine(t, false, lookback, maxSamples)
	results := map[string][]string{}
	for name, expression := range in.Queries {
		query, err := engine.NewInstantQuery(context.Background(), storage, nil, expression, time.Unix(in.Seconds, 0))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		result := query.Exec(context.Background())
		if result.Err != nil {
			t.Fatalf("%s: %v", name, result.Err)
		}
		for _, sample := range result.Value.(promql.Vector) {
			results[name] = append(results[name], sample.String())
		}
		query.Close()
	}
	return results
}

// Command pause is the first process of a pod's sandbox: it holds the pod's namespaces open, reaps the orphans that a
// shared PID namespace leaves to it, and ends with exit code 0 on SIGTERM or SIGINT.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	// One slot is enough for SIGCHLD, because each wake-up reaps every child that has ended by then.
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	for {
		select {
		case <-children:
			reap()
		case <-stop:
			return
		}
	}
}

// reap collects the exit status of every child that has ended, without waiting for one that still runs.
func reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if pid <= 0 || err != nil {
			return
		}
	}
}

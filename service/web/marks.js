// What marks on photos look like: in the drawings of the page, and in those of the service.

/** Colours that are told apart on photos, by class index; beyond the last they repeat. */
const COLOURS = [
  "#ff3b5c",
  "#00c2ff",
  "#ffb300",
  "#3ddc6b",
  "#b06bff",
  "#ff7a1a",
  "#00e0c6",
  "#ff5fd2",
  "#c6e000",
  "#5b7cff",
  "#ff9e80",
  "#8fd3ff",
];

/** Pairs of COCO's 17 keypoints that are joined: legs, trunk, arms, head (https://cocodataset.org/#keypoints-2020). */
const LIMBS = [
  [15, 13],
  [13, 11],
  [16, 14],
  [14, 12],
  [11, 12],
  [5, 11],
  [6, 12],
  [5, 6],
  [5, 7],
  [6, 8],
  [7, 9],
  [8, 10],
  [1, 2],
  [0, 1],
  [0, 2],
  [1, 3],
  [2, 4],
  [3, 5],
  [4, 6],
];
const PERSON_KEYPOINTS = 17;

/** Visibility from which a keypoint is drawn. */
const LEAST_VISIBLE = 0.5;

/**
 * The colour of a class.
 * @param {number} index
 * @returns {string} `#rrggbb`
 */
export function colourOf(index) {
  return COLOURS[index % COLOURS.length] ?? "#ffffff";
}

/**
 * Which keypoints are drawn, and which of them are joined: those of a person.
 * @param {readonly number[]} visible visibility of each keypoint, 0 to 1
 * @returns {{ points: number[], limbs: [number, number][] }} indices of keypoints
 */
export function shownKeypoints(visible) {
  const isShown = (/** @type {number} */ i) => (visible[i] ?? 0) >= LEAST_VISIBLE;
  const limbs = visible.length === PERSON_KEYPOINTS ? LIMBS : [];
  return {
    points: [...visible.keys()].filter(isShown),
    limbs: limbs
      .map(([from = 0, to = 0]) => /** @type {[number, number]} */ ([from, to]))
      .filter((ends) => ends.every(isShown)),
  };
}

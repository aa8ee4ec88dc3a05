// The question before pictures are moved away.

import { decimal } from "./format.js";

/**
 * Ask whether to move files away.
 *
 * @param {number} count of files, exact copies included.
 * @param {string} folder to which they would move.
 * @returns {boolean} true for yes.
 */
export const confirmMove = (count, folder) =>
  confirm(
    count === 1
      ? `Move 1 file, with the text files beside it, to ${folder}? This can be undone.`
      : `Move ${decimal(count)} files, exact copies included, with the text files beside them, to ${folder}? This can be undone.`,
  );

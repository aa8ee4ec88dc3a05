// The question before pictures are moved away.

import { ngettext, decimal } from "./translate.js";

/**
 * Ask whether to move files away.
 *
 * @param {number} count of files, exact copies included.
 * @param {string} folder to which they would move.
 * @returns {boolean} true for yes.
 */
export const confirmMove = (count, folder) =>
  confirm(
    ngettext(
      "Move %(count)s file, with the text files beside it, to %(folder)s? This can be undone.",
      "Move %(count)s files, exact copies included, with the text files beside them, to %(folder)s? This can be undone.",
      count,
      { count: decimal(count), folder },
    ),
  );

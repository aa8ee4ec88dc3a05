// Numbers as short texts.

import { _, decimal } from "./translate.js";

/**
 * A duration in the unit that suits it: `45 s`, `12 min`, `1.5 h`.
 *
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 90) return _("%(seconds)s s", { seconds: Math.ceil(seconds) });
  if (seconds < 5400) return _("%(minutes)s min", { minutes: Math.round(seconds / 60) });
  return _("%(hours)s h", { hours: decimal(seconds / 3600, 1) });
}

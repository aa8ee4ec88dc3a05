// Facts that the server writes into every page's <body>.

const { base = "", rater = "", csrf = "" } = document.body.dataset;

export {
  /** Start of the collection's addresses, such as `/c/0`; empty on pages outside a collection. */
  base,
  /** Name of the person who rates. */
  rater,
  /** Token that requests must carry if they change something. */
  csrf,
};

// The progress of a tune, and its best prompts so far.

/** @param {{ model: any, el: HTMLElement }} cell */
function render({ model, el }) {
  const root = document.createElement("div");
  const bar = document.createElement("progress");
  const count = document.createElement("span");
  const table = document.createElement("div");
  root.className = "soart-watching";
  root.append(bar, count, table);
  el.append(root);

  function show() {
    const [done, budget] = [model.get("done"), model.get("budget")];
    bar.max = budget || 1;
    bar.value = done;
    count.textContent = budget ? ` ${done} of ${budget} pictures` : " waiting for the first pictures";
    // Written by the kernel, with all text escaped.
    table.replaceChildren(...new DOMParser().parseFromString(model.get("table"), "text/html").body.childNodes);
  }

  model.on("change", show);
  show();
  return () => model.off("change", show);
}

export default { render };

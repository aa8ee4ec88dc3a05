// Pictures that are dropped on the page, or chosen: they are copied into the collection one by one.

import { $, find } from "./dom.js";
import { counted } from "./format.js";
import { watchJobs } from "./jobs.js";
import { post, postFile } from "./request.js";
import { showError, toast } from "./toasts.js";

/** Take pictures, if the page offers that; it does for the owner. */
export function startImport() {
  const room = find("#add");
  if (!room) return;
  /** @type {HTMLInputElement} */
  const input = $("input", room);
  const suffixes = input.accept.split(",");
  const most = Number(room.dataset.most);
  /** @param {File} file */
  const isPicture = (file) => suffixes.some((suffix) => file.name.toLowerCase().endsWith(suffix));
  input.onchange = () => {
    addAll([...(input.files ?? [])].filter(isPicture), most);
    input.value = "";
  };
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    // The entries are gone after this event: they are taken before anything waits.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
    filesOf(entries).then((files) => addAll(files.filter(isPicture), most), showError);
  });
}

/**
 * All files among dropped entries and in the folders among them.
 *
 * @param {FileSystemEntry[]} entries
 * @returns {Promise<File[]>}
 */
async function filesOf(entries) {
  /** @type {File[]} */
  const files = [];
  const pending = [...entries];
  for (let entry = pending.shift(); entry; entry = pending.shift()) {
    if (entry.name.startsWith(".")) continue;
    if (entry.isFile) {
      const one = /** @type {FileSystemFileEntry} */ (entry);
      files.push(await new Promise((resolve, reject) => one.file(resolve, reject)));
    } else pending.push(...(await childrenOf(/** @type {FileSystemDirectoryEntry} */ (entry))));
  }
  return files;
}

/**
 * @param {FileSystemDirectoryEntry} folder
 * @returns {Promise<FileSystemEntry[]>}
 */
async function childrenOf(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const children = [];
  // A reader gives some at a time, and none at the end.
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return children;
    children.push(...some);
  }
}

/**
 * @param {File[]} files
 * @param {number} most bytes of a file.
 */
async function addAll(files, most) {
  const problems = [];
  try {
    for (const [at, file] of files.entries()) {
      const text = `Adding picture ${at + 1} of ${files.length}…`;
      toast(text, { key: "import", sticky: true });
      // One after another: the server decodes each to see that it is a picture.
      const problem = file.size > most ? `${file.name} is too large.` : await add(file);
      if (problem) problems.push(problem);
    }
    const added = files.length - problems.length;
    const text = `${counted(added)} added.`;
    toast([text, ...problems.slice(0, 3)].join(" "), { key: "import", bad: !added || problems.length > 0 });
    if (added) await post("/api/import/scan");
    watchJobs();
  } catch (error) {
    toast(error.message, { key: "import", bad: true });
  }
}

/**
 * Add one picture.
 *
 * @param {File} file
 * @returns {Promise<string>} why it was refused; empty if it was added.
 * @throws {Error} others would fare no better.
 */
async function add(file) {
  try {
    await postFile(`/api/import?name=${encodeURIComponent(file.name)}`, file);
    return "";
  } catch (error) {
    if (error.temporary || error.status === 401 || error.status === 403) throw error;
    return error.message;
  }
}

// Requests to the server: JSON, HTML fragments, and errors as sentences.

import { base, csrf } from "./session.js";

/** A request that failed; its message is a sentence for the user. */
export class RequestError extends Error {
  /**
   * @param {string} message
   * @param {number} status of HTTP; 0 if the server could not be reached.
   */
  constructor(message, status) {
    super(message);
    this.status = status;
  }

  /** True if the same request may succeed later, because nothing was wrong with it. */
  get temporary() {
    return this.status === 0 || this.status === 503 || this.status === 502;
  }
}

/**
 * @param {string} address
 * @param {RequestInit} options
 * @returns {Promise<string>} the body of the response.
 * @throws {RequestError} the server cannot be reached or refuses the request.
 * @throws {DOMException} an AbortError if the request was aborted.
 */
async function request(address, options) {
  let response, text;
  try {
    response = await fetch(address, { credentials: "same-origin", ...options });
    text = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new RequestError("The server does not answer: is it still running?", 0);
  }
  if (response.ok) return text;
  let message = `The server answered ${response.status}.`;
  try {
    message = JSON.parse(text).error || message;
  } catch {
    // The body is not JSON: the status must do.
  }
  throw new RequestError(message, response.status);
}

/**
 * An HTML fragment of this collection; errors come as JSON all the same.
 *
 * @param {string} path within the collection.
 * @param {RequestInit} [options]
 */
export const getHtml = (path, options) => request(base + path, { headers: { accept: "application/json" }, ...options });

/**
 * A function that fetches HTML as `getHtml` does, and aborts its own earlier request, whose answer would be out of date.
 *
 * @returns {(path: string) => Promise<string>}
 */
export function latestHtml() {
  let controller = new AbortController();
  return (path) => {
    controller.abort();
    controller = new AbortController();
    return getHtml(path, { signal: controller.signal });
  };
}

/**
 * JSON of this collection.
 *
 * @param {string} path within the collection.
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
export const get = async (path, options) => JSON.parse(await getHtml(path, options));

/**
 * Post JSON to any address of the server.
 *
 * @param {string} address
 * @param {object} [body]
 * @returns {Promise<any>} the JSON of the response.
 */
export async function postTo(address, body = {}) {
  const headers = { "content-type": "application/json", "x-csrf-token": csrf };
  return JSON.parse(await request(address, { method: "POST", headers, body: JSON.stringify(body) }));
}

/**
 * Post a file to this collection.
 *
 * @param {string} path within the collection.
 * @param {File} file
 * @returns {Promise<any>} the JSON of the response.
 */
export async function postFile(path, file) {
  const headers = { "content-type": "application/octet-stream", "x-csrf-token": csrf };
  return JSON.parse(await request(base + path, { method: "POST", headers, body: file }));
}

/**
 * Post JSON to this collection.
 *
 * @param {string} path within the collection.
 * @param {object} [body]
 */
export const post = (path, body) => postTo(base + path, body);

/**
 * Query string of the values that are not empty.
 *
 * @param {Record<string, string>} values
 */
export const queryOf = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ""));

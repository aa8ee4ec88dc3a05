// Rules of ESLint for the browser scripts; run from the repository's root (make lint-js).

import js from "@eslint/js";
import globals from "globals";

const HTML = "Text is set as text: use textContent, or setServerHtml of dom.js for HTML of the server.";

export default [
  js.configs.recommended,
  {
    files: ["plugin/**/*.js", "pipelines/**/*.js"],
    languageOptions: { ecmaVersion: 2024, globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "array-callback-return": "error",
      eqeqeq: "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: HTML },
        { property: "outerHTML", message: HTML },
        { property: "insertAdjacentHTML", message: HTML },
        { object: "document", property: "write", message: HTML },
      ],
      "no-restricted-globals": ["error", "event", "name", "origin", "status"],
      "no-shadow": "error",
      "no-throw-literal": "error",
      "no-unused-vars": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
  {
    // Written into the page of an evaluation as a classic script.
    files: ["pipelines/**/*.js"],
    languageOptions: { sourceType: "script" },
  },
];

// Evaluates expressions of GitHub's workflows, a JSON request a line, with GitHub's own evaluator.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";

import { data, Evaluator, Lexer, Parser } from "../../.node/node_modules/@actions/expressions/dist/index.js";
import { truthy } from "../../.node/node_modules/@actions/expressions/dist/result.js";

const STATUS = ["success", "failure", "cancelled", "always"];

// A pattern as hashFiles takes it: `*` inside one name, `**/` for any folders.
function pattern(glob) {
  const escaped = glob.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  const open = escaped.replaceAll("**/", "\0").replaceAll("*", "[^/]*").replaceAll("?", "[^/]").replaceAll("\0", "(.*/)?");
  return new RegExp(`^${open}$`);
}

function hashFiles(workspace, globs) {
  const entries = readdirSync(workspace, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => relative(workspace, join(entry.parentPath ?? entry.path, entry.name))).sort();
  const chosen = paths.filter((path) => globs.map(pattern).some((one) => one.test(path)));
  const whole = createHash("sha256");
  chosen.forEach((path) => whole.update(createHash("sha256").update(readFileSync(join(workspace, path))).digest()));
  return chosen.length ? whole.digest("hex") : "";
}

function functions(status, workspace) {
  const answers = { always: true, cancelled: false, success: status === "success", failure: status === "failure" };
  const known = STATUS.map((name) => ({
    name, minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(answers[name]),
  }));
  const call = (...given) => new data.StringData(hashFiles(workspace, given.map((one) => one.coerceString())));
  return [...known, { name: "hashFiles", minArgs: 1, maxArgs: 255, call }];
}

function evaluated({ expression, contexts, status, workspace, condition }) {
  const { tokens } = new Lexer(expression).lex();
  const own = functions(status, workspace);
  const parsed = new Parser(tokens, Object.keys(contexts), own).parse();
  const asks = tokens.some((token, at) => STATUS.includes(token.lexeme.toLowerCase()) && tokens[at + 1]?.lexeme === "(");
  if (condition && !asks && status !== "success") return false;
  if (parsed === undefined) return condition ? true : "";
  const named = new Map(own.map((one) => [one.name.toLowerCase(), one]));
  const known = JSON.parse(JSON.stringify(contexts), data.reviver);
  const result = new Evaluator(parsed, known, named).evaluate();
  return condition ? truthy(result) : result.coerceString();
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = { value: evaluated(JSON.parse(line)) };
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

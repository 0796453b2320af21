// What the drivers have in common: lines of JSON as src/protocol.rs describes them.
import { existsSync, readFileSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

/** Nanoseconds on CLOCK_MONOTONIC, as every process here counts them. */
export const now = () => Number(process.hrtime.bigint())

/** One line to the program that measures; written at once, so that no timer wakes anybody. */
export function print(message) {
  let rest = Buffer.from(JSON.stringify(message) + '\n')
  while (rest.length > 0) rest = rest.subarray(writeSync(1, rest))
}

/** The path below the root. */
export const below = (root, path) => path.slice(root.length + 1)

/** A package of the directory that TREENAIL_NPM names: where its main file is, and its version. */
export function find(name) {
  const home = process.env.TREENAIL_NPM
  if (!home) throw new Error('TREENAIL_NPM is not set; `cargo xtask compare watch` sets it')
  const main = createRequire(join(home, 'none.js')).resolve(name)
  let dir = dirname(main)
  while (!existsSync(join(dir, 'package.json'))) dir = dirname(dir)
  const { version } = JSON.parse(readFileSync(join(dir, 'package.json')))
  return { main, version: `${version}, node ${process.versions.node}` }
}

/** Obeys: `block FLAG` keeps this thread busy until that file is there; the end of input is ours. */
export function listen(stop) {
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => {
    if (!line.startsWith('block ')) throw new Error(`not a command: ${line}`)
    print({ blocked: true })
    while (!existsSync(line.slice('block '.length)));
  })
  lines.on('close', async () => {
    await stop()
    process.exit(0)
  })
}

// Drives @parcel/watcher: `watch ROOT`, `keep ROOT STATE`, `since ROOT STATE`.
import { createRequire } from 'node:module'
import { below, find, listen, now, print } from './driver.mjs'

const [command, root, state] = process.argv.slice(2)
const { main, version } = find('@parcel/watcher')
const watcher = createRequire(main)(main)
// Without this it would ask a Watchman on the machine, which takes part by itself.
const options = { backend: 'inotify' }

if (command === 'watch') {
  const start = now()
  const subscription = await watcher.subscribe(root, (error, events) => {
    const at = now()
    if (error) return print({ error: String(error) })
    const changes = events.map(({ type, path }) => [
      type === 'delete' ? 'gone' : 'change',
      below(root, path),
    ])
    print({ at, changes })
  }, options)
  print({ ready: { start, complete: now(), pids: [process.pid], version, backend: 'inotify' } })
  listen(() => subscription.unsubscribe())
} else if (command === 'keep') {
  await watcher.writeSnapshot(root, state, options)
  print({ kept: { state, version } })
} else {
  const start = now()
  const events = await watcher.getEventsSince(root, state, options)
  const end = now()
  print({ answer: { start, end, paths: events.map(({ path }) => below(root, path)) } })
}

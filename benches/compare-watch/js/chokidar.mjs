// Drives chokidar: `watch ROOT`.
import { pathToFileURL } from 'node:url'
import { below, find, listen, now, print } from './driver.mjs'

const [, root] = process.argv.slice(2)
const { main, version } = find('chokidar')
const { watch } = await import(pathToFileURL(main))

const start = now()
const watcher = watch(root, { ignoreInitial: true })
watcher.on('error', (error) => print({ error: String(error) }))
watcher.on('ready', () => {
  const ready = { start, complete: now(), pids: [process.pid], version, backend: 'inotify' }
  print({ ready })
  watcher.on('all', (event, path) => {
    const at = now()
    print({ at, changes: [[event.startsWith('unlink') ? 'gone' : 'change', below(root, path)]] })
  })
  listen(() => {})
})

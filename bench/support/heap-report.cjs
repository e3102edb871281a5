// Preloaded into daemons: tells what Node says of this process's memory, once a second, in the file $SEPIOLA_HEAP/<pid>.
const { renameSync, writeFileSync } = require('node:fs');
const file = `${process.env.SEPIOLA_HEAP}/${process.pid}`;
setInterval(() => {
  try {
    writeFileSync(`${file}.new`, JSON.stringify(process.memoryUsage()));
    renameSync(`${file}.new`, file);
  } catch {
    // The reader is gone and has taken the directory with it.
  }
}, 1000).unref();

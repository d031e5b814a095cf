// How the app is built: into the Python package, with compressed twins beside each text file.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig, type Plugin } from 'vite'

const OUT = '../src/dothi/web/static'

/** Writes .br and .gz beside every text file over 1 kB, so that the server only chooses. */
function compressedTwins(): Plugin {
  return {
    name: 'compressed-twins',
    apply: 'build',
    closeBundle() {
      for (const entry of readdirSync(OUT, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(m?js|css|html|svg|json)$/.test(entry)) continue
        const path = join(OUT, entry)
        const plain = readFileSync(path)
        if (plain.length < 1024) continue
        writeFileSync(path + '.gz', gzipSync(plain, { level: 9 }))
        writeFileSync(path + '.br', brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }))
      }
    },
  }
}

export default defineConfig({
  base: './',
  plugins: [svelte(), compressedTwins()],
  build: { outDir: OUT, emptyOutDir: true, assetsInlineLimit: 0, target: 'es2022', chunkSizeWarningLimit: 1500 },
  server: { proxy: { '/api': 'http://127.0.0.1:8090', '/ngsi-ld': 'http://127.0.0.1:8090' } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
} as Parameters<typeof defineConfig>[0])

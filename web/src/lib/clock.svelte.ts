// One clock for the page: the present, each second, as the server's clock has it (this machine's may be wrong).

class Clock {
  /** This machine's time in milliseconds. */
  local = $state(Date.now())
  private skew = $state(0)

  /** The server's time in milliseconds. */
  get now(): number {
    return this.local + this.skew
  }

  /** The server's time of this very moment; nothing is told when it changes. */
  read(): number {
    return Date.now() + this.skew
  }

  /** Follows the server's clock, which said `server` just now. */
  follow(server: number): void {
    this.skew = server - Date.now()
  }

  /** Ticks until the function that it gives is called. */
  start(): () => void {
    const timer = setInterval(() => (this.local = Date.now()), 1_000)
    return () => clearInterval(timer)
  }
}

export const clock = new Clock()

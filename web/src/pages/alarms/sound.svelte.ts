// The sound of an unacknowledged critical alarm: two short tones, again and again until somebody answers. Off by default.

const KEY = 'dothi.alarmSound'
const AGAIN = 8_000
/** Hertz and seconds from the start. */
const TONES = [
  [880, 0],
  [660, 0.22],
] as const

function stored(): boolean {
  try {
    return localStorage.getItem(KEY) === 'on'
  } catch {
    return false
  }
}

class Sound {
  on = $state(stored())
  private waiting = 0
  private timer = 0
  private audio: AudioContext | null = null

  /** Switches it; a browser allows sound only after a person has touched the page, and this is such a touch. */
  toggle(): void {
    this.on = !this.on
    try {
      localStorage.setItem(KEY, this.on ? 'on' : 'off')
    } catch {
      // storage is forbidden: the choice lasts until the page is closed
    }
    if (this.on) this.play()
    this.follow(this.waiting)
  }

  /** Tells how many critical alarms wait for an answer. */
  follow(waiting: number): void {
    const more = waiting > this.waiting
    this.waiting = waiting
    if (!this.on || waiting === 0) return this.rest()
    if (more) this.play()
    this.timer ||= window.setInterval(() => this.play(), AGAIN)
  }

  /** Is silent until it is told of alarms again. */
  rest(): void {
    clearInterval(this.timer)
    this.timer = 0
  }

  private play(): void {
    this.audio ??= new AudioContext()
    const { audio } = this
    void audio.resume()
    for (const [hertz, after] of TONES) {
      const tone = audio.createOscillator()
      const volume = audio.createGain()
      const start = audio.currentTime + after
      tone.frequency.value = hertz
      volume.gain.setValueAtTime(0, start)
      volume.gain.linearRampToValueAtTime(0.2, start + 0.02)
      volume.gain.linearRampToValueAtTime(0, start + 0.2)
      tone.connect(volume).connect(audio.destination)
      tone.start(start)
      tone.stop(start + 0.21)
    }
  }
}

export const sound = new Sound()

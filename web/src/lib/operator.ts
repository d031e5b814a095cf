// Who acts at this device: an id of the roster, chosen in the top bar and sent with every call.
const KEY = 'dothi.operator'

let chosen = read()

function read(): string | null {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null
  }
}

/** The operator's id, null while nobody is chosen (the server then writes "anonymous"). */
export function operatorId(): string | null {
  return chosen
}

/** Keeps the choice on this device. Only printable ASCII can stand in a header: ids are made so. */
export function setOperatorId(id: string | null): void {
  chosen = id !== null && /^[\x21-\x7e]+$/.test(id) ? id : null
  try {
    if (chosen === null) localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, chosen)
  } catch {
    // storage is forbidden: the choice lasts until the page is closed
  }
}

import { connect, type Socket } from 'node:net'

export interface Answer {
  status: number
  /** The whole answer with its head, as latin1. */
  text: string
}

/**
 * One HTTP/1.1 connection with one request at a time. It reads no more of an answer than it must, so that the generator
 * takes as little of the machine as possible. If the server closes it after an answer, it opens itself again.
 */
export class Connection {
  readonly #port: number
  #socket: Socket | undefined
  #text = ''
  #onAnswer: ((answer: Answer) => void) | undefined
  #onError: (error: Error) => void

  constructor(port: number, onError: (error: Error) => void) {
    this.#port = port
    this.#onError = onError
  }

  send(request: string, onAnswer: (answer: Answer) => void): void {
    this.#onAnswer = onAnswer
    this.#socket ??= this.#open()
    this.#socket.write(request, 'latin1')
  }

  close(): void {
    this.#onAnswer = undefined
    this.#socket?.destroy()
  }

  #open(): Socket {
    const socket = connect(this.#port, '127.0.0.1').setNoDelay().setEncoding('latin1')
    socket.on('data', (chunk: unknown) => this.#read(chunk as string))
    socket.on('error', error => this.#end(socket, error))
    socket.on('close', () => this.#end(socket, new Error(`the server closed the connection after: ${this.#text}`)))
    return socket
  }

  #end(socket: Socket, error: Error): void {
    if (this.#socket !== socket) return
    this.#socket = undefined
    if (this.#onAnswer) this.#onError(error)
  }

  #read(chunk: string): void {
    this.#text = this.#text === '' ? chunk : this.#text + chunk
    const text = this.#text
    const headEnd = text.indexOf('\r\n\r\n')
    if (headEnd === -1 || !isComplete(text, headEnd)) return
    const status = Number(text.slice(9, 12))
    this.#text = ''
    if (CLOSES.test(text.slice(0, headEnd))) {
      const socket = this.#socket
      this.#socket = undefined
      socket?.destroy()
    }
    const answered = this.#onAnswer
    this.#onAnswer = undefined
    answered?.({ status, text })
  }
}

const CLOSES = /\r\nconnection: *close/i
const LENGTH = /\r\ncontent-length: *(\d+)/i

function isComplete(text: string, headEnd: number): boolean {
  const length = LENGTH.exec(text)
  if (length && length.index < headEnd) return text.length >= headEnd + 4 + Number(length[1])
  if (/\r\ntransfer-encoding: *chunked/i.test(text.slice(0, headEnd))) return text.endsWith('0\r\n\r\n')
  // 204 and 304 have no body.
  return true
}

/** Why a request is refused: 401 if its token is at fault, 503 if the token cannot be checked now. */
export class Refused extends Error {
  constructor(status, code, cause) {
    super(code, { cause })
    this.status = status
    this.code = code
  }
}

/** An Express middleware that puts the claims of a valid token into `request.claims`. */
export function bearer(verifyAccessToken) {
  return async (request, response, next) => {
    const [, token] = /^Bearer ([\w.~+/-]+=*)$/i.exec(request.headers.authorization ?? '') ?? []
    if (token === undefined) return refuse(response, new Refused(401, 'authentication_required'))
    try {
      request.claims = await verifyAccessToken(token)
    } catch (error) {
      return error instanceof Refused ? refuse(response, error) : next(error)
    }
    next()
  }
}

export function refuse(response, { status, code, cause }) {
  // For the operator. The client learns only the code.
  if (cause) console.warn(`refused: ${code}: ${cause.message}`)
  if (status === 503) response.set('Retry-After', '5')
  // RFC 6750, 3: `error` only if there was a token.
  if (status === 401)
    response.set('WWW-Authenticate', code === 'authentication_required' ? 'Bearer' : 'Bearer error="invalid_token"')
  response.status(status).json({ code })
}

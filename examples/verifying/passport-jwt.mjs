import jwt from 'jsonwebtoken'
import { passportJwtSecret } from 'jwks-rsa'
import passport from 'passport'
import { ExtractJwt, Strategy } from 'passport-jwt'
import { Refused, refuse } from './answers.mjs'
import { audience, issuer, jwksUri } from './settings.mjs'

const keyOf = passportJwtSecret({
  jwksUri,
  cacheMaxAge: 300_000,
  rateLimit: true,
  jwksRequestsPerMinute: 10,
  timeout: 5000,
})
const jwtFromRequest = ExtractJwt.fromAuthHeaderAsBearerToken()

passport.use(
  new Strategy(
    {
      jwtFromRequest,
      // passport-jwt answers 401 for every error, so this one is given a class of its own.
      secretOrKeyProvider: (request, token, done) =>
        keyOf(request, token, (error, key) => done(error && new Refused(503, 'keys_unavailable', error), key)),
      algorithms: ['ES256'],
      issuer,
      audience,
      jsonWebTokenOptions: { clockTolerance: 5 },
      passReqToCallback: true,
    },
    (request, claims, done) => {
      // passport-jwt checks neither the type nor that the claims are there.
      const { header } = jwt.decode(jwtFromRequest(request), { complete: true })
      const isAccessToken = header.typ === 'at+jwt' && claims.exp !== undefined && claims.sub && claims.sid
      done(null, isAccessToken && claims, new Error('it is not an access token'))
    },
  ),
)

/** The middleware. With a callback, because passport's own answer is the text `Unauthorized`. */
export function authenticate(request, response, next) {
  passport.authenticate('jwt', { session: false }, (error, claims, problem) => {
    if (error) return next(error)
    if (!claims) return refuse(response, refusalOf(request, problem))
    request.claims = claims
    next()
  })(request, response, next)
}

function refusalOf(request, problem) {
  if (problem instanceof Refused) return problem
  if (!jwtFromRequest(request)) return new Refused(401, 'authentication_required')
  return new Refused(401, problem instanceof jwt.TokenExpiredError ? 'token_expired' : 'token_invalid', problem)
}

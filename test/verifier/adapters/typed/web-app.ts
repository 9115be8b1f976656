import { createVerifier } from '@latchkey/verifier'
import { authenticate, protect } from '@latchkey/verifier/web'

const verifier = createVerifier({ issuer: 'https://auth.example.com' })

export const GET = protect(
  verifier,
  async (request: Request, principal, { params }: { params: Promise<{ id: string }> }) =>
    Response.json({ user: principal.userId, id: (await params).id, url: request.url }),
  { roles: ['editor'], maxAgeSeconds: 300 },
)

export async function handle(request: Request): Promise<Response> {
  const admitted = await authenticate(verifier, request)
  if (admitted instanceof Response) return admitted
  return admitted.complete(new Response(admitted.principal.userId))
}

export async function open(request: Request): Promise<Response> {
  const admitted = await authenticate(verifier, request, { optional: true })
  if (admitted instanceof Response) return admitted
  // @ts-expect-error: a visitor can have no principal
  admitted.principal.userId
  return new Response(admitted.principal?.userId)
}

/**
 * Whether a stored hash has the form of a scheme whose hashes this service can verify: argon2id and scrypt as PHC
 * strings, bcrypt, Django's PBKDF2. Only the form is looked at, not what the hash would cost.
 */
export function isKnownHash(storedHash: string): boolean {
  return storedHash.length <= HASH_MAX_LENGTH && FORMS.some(form => form.test(storedHash))
}

const HASH_MAX_LENGTH = 512

const FORMS: readonly RegExp[] = [
  /^\$argon2id\$(v=\d+\$)?m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/,
  /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/,
  /^pbkdf2_sha256\$\d+\$[^$\s]+\$[A-Za-z0-9+/]{43}=$/,
  /^\$scrypt\$ln=\d+,r=\d+,p=\d+\$[A-Za-z0-9+/]+={0,2}\$[A-Za-z0-9+/]+={0,2}$/,
]

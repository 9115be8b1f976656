DROP INDEX "users_foreign_hashes";--> statement-breakpoint
CREATE INDEX "users_foreign_hashes" ON "users" USING btree (substring("password_hash" from '^(?:\$argon2id\$(?:v=\d{1,3}\$)?[^$]{1,64}|(?:bcrypt_sha256\$)?\$2[aby]\$\d\d|pbkdf2_sha256\$\d{1,10}|\$scrypt\$[^$]{1,64})')) WHERE "password_hash" not like '$argon2id$v=19$m=19456,t=2,p=1$%';

CREATE TABLE "password_resets" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "password_resets" ADD CONSTRAINT "password_resets_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "users_foreign_hashes" ON "users" USING btree (substring("password_hash" from '^(?:\$argon2id\$(?:v=\d{1,3}\$)?[^$]{1,64}|\$2[aby]\$\d\d|pbkdf2_sha256\$\d{1,10}|\$scrypt\$[^$]{1,64})')) WHERE "password_hash" not like '$argon2id$v=19$m=19456,t=2,p=1$%';
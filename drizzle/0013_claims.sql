CREATE TABLE "user_metadata" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"metadata" jsonb NOT NULL
);
--> statement-breakpoint
DROP INDEX "security_events_of_everyone";--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "claims" jsonb;--> statement-breakpoint
ALTER TABLE "user_metadata" ADD CONSTRAINT "user_metadata_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "security_events_of_type" ON "security_events" USING btree ("type","at");--> statement-breakpoint
CREATE INDEX "security_events_of_actor" ON "security_events" USING btree ("actor","at" DESC NULLS FIRST,"id" DESC NULLS FIRST) WHERE "security_events"."actor" not in ('user', 'system');
ALTER TABLE "revocations" DROP CONSTRAINT "revocations_shape";--> statement-breakpoint
ALTER TABLE "revocations" ADD COLUMN "bound_roles_version" integer;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "roles_version" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "revocations" ADD CONSTRAINT "revocations_shape" CHECK (case "revocations"."kind"
        when 'user' then "revocations"."subject" is not null and num_nonnulls("revocations"."bound_version", "revocations"."bound_at") = 1
          and num_nonnulls("revocations"."bound_version", "revocations"."bound_roles_version") < 2
        when 'realm' then "revocations"."subject" is null and num_nonnulls("revocations"."bound_version", "revocations"."bound_roles_version") = 0
          and "revocations"."bound_at" is not null
        else "revocations"."kind" in ('session', 'token', 'key') and "revocations"."subject" is not null
          and num_nonnulls("revocations"."bound_version", "revocations"."bound_roles_version", "revocations"."bound_at") = 0
      end);
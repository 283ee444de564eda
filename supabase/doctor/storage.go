package doctor

import (
	"context"
	"strings"
)

// The policies that the migrations put on storage.objects.
var ourStoragePolicies = []string{"Handoff: read files of conversations you can read", "Handoff: add files where you can write"}

const installAttachments = "select handoff.install_attachments()"

// askAttachments asks whether the files of conversations are where the migrations put them, and nobody else's to read. A
// project without Storage has no attachments and works otherwise.
func askAttachments(ctx context.Context, p *patient) ([]Finding, error) {
	var exists bool
	if err := p.conn.QueryRow(ctx, `select to_regclass('storage.objects') is not null`).Scan(&exists); err != nil {
		return nil, err
	}
	if !exists {
		return []Finding{warn("the project has no Storage: messages carry no attachments",
			"Enable Storage, then run: "+installAttachments)}, nil
	}
	var private, ours bool
	var wide []string
	err := p.conn.QueryRow(ctx, `
		select coalesce((select not public from storage.buckets where id = handoff.attachment_bucket()), false),
		       (select count(*) from pg_catalog.pg_policies
		         where schemaname = 'storage' and tablename = 'objects' and policyname = any($1)) = cardinality($1),
		       array(select policyname::text from pg_catalog.pg_policies
		              where schemaname = 'storage' and tablename = 'objects' and permissive = 'PERMISSIVE' and policyname not like 'Handoff: %'
		                and (lower(btrim(coalesce(qual, ''), '() ')) = 'true' or lower(btrim(coalesce(with_check, ''), '() ')) = 'true'))`,
		ourStoragePolicies).Scan(&private, &ours, &wide)
	if err != nil {
		return nil, err
	}
	var found []Finding
	if !private || !ours {
		found = append(found, broken("the private bucket of attachments or one of its policies is missing, or the bucket is public",
			"Run: "+installAttachments).fixedBy(run(installAttachments)))
	}
	if len(wide) > 0 {
		found = append(found, broken("other policies on storage.objects let everybody in, to our files too: "+strings.Join(wide, ", "),
			"Restrict them to buckets of yours, for example: using (bucket_id = 'my-bucket')"))
	}
	return orFine(found, "only who may see a conversation can read its files"), nil
}

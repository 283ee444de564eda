package storage

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	// defaultLimit is the largest file of a bucket without a limit.
	defaultLimit int64 = 50 << 20
	// formFields is the largest text field of a form.
	formFields = 1 << 20
)

// upload makes a new object; with the header x-upsert it may replace one. Order of the refusals as in Storage: type, then
// row level security, then size.
func (h *Handler) upload(w http.ResponseWriter, r *request) error {
	statement := `insert into storage.objects (bucket_id, name, owner, owner_id, version, metadata)
		values ($1, $2, nullif($3, '')::uuid, nullif($3, ''), '1', '{}')`
	if r.http.Header.Get("X-Upsert") == "true" {
		statement += ` on conflict (bucket_id, name) do update set version = excluded.version, owner_id = excluded.owner_id`
	}
	return h.store(w, r, statement, r.bucket, r.name, r.caller.Subject)
}

// update replaces an object that is there.
func (h *Handler) update(w http.ResponseWriter, r *request) error {
	return h.store(w, r, `update storage.objects set version = '1' where bucket_id = $1 and name = $2`, r.bucket, r.name)
}

// store takes the file of the request in, if the caller may run the statement.
func (h *Handler) store(w http.ResponseWriter, r *request, statement string, args ...any) error {
	ctx := r.http.Context()
	into, err := h.db.findBucket(ctx, r.bucket)
	if err != nil {
		return err
	}
	file, err := incoming(r.http)
	if err != nil {
		return err
	}
	if !into.takes(file.mimeType) {
		return &apiError{http.StatusUnsupportedMediaType, "invalid_mime_type", fmt.Sprintf("mime type %s is not supported", file.mimeType)}
	}
	if err := h.db.mayWrite(ctx, r.caller, statement, args...); err != nil {
		return err
	}
	id, err := h.keep(r, file, min(into.limit, defaultLimit))
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]string{"Id": id, "Key": r.bucket + "/" + r.name})
	return nil
}

func (h *Handler) keep(r *request, file upload, limit int64) (id string, err error) {
	version := uuid.NewString()
	size, etag, err := h.disk.write(version, file.content, limit)
	if err != nil {
		return "", err
	}
	id, replaced, err := h.db.save(r.http.Context(), r, version, metadata{
		ETag: etag, Size: size, ContentLength: size, MimeType: file.mimeType, CacheControl: file.cacheControl,
		LastModified: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), HTTPStatusCode: http.StatusOK,
	})
	if err != nil {
		return "", errors.Join(err, h.disk.remove(version))
	}
	if replaced != "" {
		return id, h.disk.remove(replaced)
	}
	return id, nil
}

// takes says whether the bucket allows the type; its list may hold wildcards as image/*.
func (b bucket) takes(mimeType string) bool {
	if len(b.types) == 0 {
		return true
	}
	essence, _, err := mime.ParseMediaType(mimeType)
	if err != nil {
		return false
	}
	group, _, _ := strings.Cut(essence, "/")
	return slices.Contains(b.types, essence) || slices.Contains(b.types, group+"/*") || slices.Contains(b.types, "*/*")
}

// upload is a file that is being sent.
type upload struct {
	content      io.Reader
	mimeType     string
	cacheControl string
}

// incoming finds the file in the request: the body, or the part of a form that has a file name.
func incoming(r *http.Request) (upload, error) {
	declared := r.Header.Get("Content-Type")
	if strings.HasPrefix(declared, "multipart/form-data") {
		return incomingForm(r)
	}
	if declared == "" {
		declared = "application/octet-stream"
	}
	control := r.Header.Get("Cache-Control")
	if control == "" {
		control = "no-cache"
	}
	return upload{content: r.Body, mimeType: declared, cacheControl: control}, nil
}

func incomingForm(r *http.Request) (upload, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return upload{}, invalid("No content provided")
	}
	control := "no-cache"
	for {
		part, err := form.NextPart()
		if err != nil {
			return upload{}, invalid("No content provided")
		}
		if part.FileName() != "" || part.FormName() == "" {
			return upload{content: part, mimeType: part.Header.Get("Content-Type"), cacheControl: control}, nil
		}
		value, err := io.ReadAll(io.LimitReader(part, formFields))
		if err != nil {
			return upload{}, invalid("The form could not be read")
		}
		if part.FormName() == "cacheControl" {
			control = "max-age=" + string(value)
		}
	}
}

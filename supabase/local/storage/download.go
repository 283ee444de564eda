package storage

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/supportbase/handoff/supabase/local/keys"
)

func (h *Handler) download(w http.ResponseWriter, r *request) error {
	found, err := h.db.find(r.http.Context(), r)
	if err != nil {
		return err
	}
	return h.send(w, r, found)
}

func (h *Handler) downloadPublic(w http.ResponseWriter, r *request) error {
	from, err := h.db.findBucket(r.http.Context(), r.bucket)
	if err != nil {
		return err
	}
	if !from.public {
		return errNoBucket
	}
	return h.sendAsOwner(w, r)
}

// downloadSigned asks nobody but the token: who signed could read the file then.
func (h *Handler) downloadSigned(w http.ResponseWriter, r *request) error {
	claims, err := h.ring.VerifyShared(r.http.URL.Query().Get("token"))
	switch {
	case errors.Is(err, keys.ErrExpired):
		return &apiError{http.StatusBadRequest, "InvalidJWT", `"exp" claim timestamp check failed`}
	case err != nil:
		return &apiError{http.StatusBadRequest, "InvalidJWT", "signature verification failed"}
	case claims["url"] != r.bucket+"/"+r.name:
		return &apiError{http.StatusBadRequest, "InvalidSignature", "Invalid signature"}
	}
	return h.sendAsOwner(w, r)
}

func (h *Handler) sendAsOwner(w http.ResponseWriter, r *request) error {
	found, err := h.db.findAsOwner(r.http.Context(), r.bucket, r.name)
	if err != nil {
		return err
	}
	return h.send(w, r, found)
}

func (h *Handler) send(w http.ResponseWriter, r *request, found object) error {
	file, err := h.disk.open(found.Version)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it was only read
	header := w.Header()
	header.Set("Content-Type", contentType(found.Metadata.MimeType))
	header.Set("Cache-Control", found.Metadata.CacheControl)
	header.Set("ETag", found.Metadata.ETag)
	if query := r.http.URL.Query(); query.Has("download") {
		header.Set("Content-Disposition", disposition(query.Get("download")))
	}
	modified, err := time.Parse(time.RFC3339, found.Metadata.LastModified)
	if err != nil {
		modified = time.Time{} // left out then
	}
	http.ServeContent(w, r.http, "", modified, file)
	return nil
}

// contentType shows pages as text: Storage serves no page of anybody under its own address.
func contentType(mimeType string) string {
	if strings.Contains(mimeType, "text/html") {
		return "text/plain"
	}
	return mimeType
}

func disposition(name string) string {
	if name == "" {
		return "attachment;"
	}
	escaped := strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	return fmt.Sprintf("attachment; filename=%s; filename*=UTF-8''%s;", escaped, escaped)
}

package storage

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

type signRequest struct {
	ExpiresIn int64    `json:"expiresIn"`
	Paths     []string `json:"paths"`
}

type signedPath struct {
	Error     *string `json:"error"`
	Path      string  `json:"path"`
	SignedURL *string `json:"signedURL"`
}

// sign gives an address under which anybody can read a file that the caller can read now; without a name in the path, one
// for each path of the body.
func (h *Handler) sign(w http.ResponseWriter, r *request) error {
	var body signRequest
	if err := decode(r.http, &body); err != nil {
		return err
	}
	if body.ExpiresIn <= 0 {
		return invalid("body/expiresIn must be >= 1")
	}
	if r.name == "" {
		return h.signAll(w, r, body)
	}
	signed, err := h.signOne(r.http.Context(), r, body.ExpiresIn)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]string{"signedURL": signed})
	return nil
}

func (h *Handler) signAll(w http.ResponseWriter, r *request, body signRequest) error {
	list := make([]signedPath, len(body.Paths))
	for i, path := range body.Paths {
		one := *r
		one.name = path
		signed, err := h.signOne(r.http.Context(), &one, body.ExpiresIn)
		switch {
		case errors.Is(err, errNoObject):
			reason := "Either the object does not exist or you do not have access to it"
			list[i] = signedPath{Error: &reason, Path: path}
		case err != nil:
			return err
		default:
			list[i] = signedPath{Path: path, SignedURL: &signed}
		}
	}
	answer(w, http.StatusOK, list)
	return nil
}

func (h *Handler) signOne(ctx context.Context, r *request, seconds int64) (string, error) {
	if _, err := h.db.find(ctx, r); err != nil {
		return "", err
	}
	now := time.Now().Unix()
	token, err := h.ring.Sign(map[string]any{"url": r.bucket + "/" + r.name, "iat": now, "exp": now + seconds})
	if err != nil {
		return "", err
	}
	// Not escaped, as from Storage: supabase-js does that.
	return "/object/sign/" + r.bucket + "/" + r.name + "?token=" + token, nil
}

// maxBody is the largest body that is no file, in bytes.
const maxBody = 1 << 20

func decode(r *http.Request, into any) error {
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody)).Decode(into); err != nil {
		return invalid("body must be a JSON object")
	}
	return nil
}

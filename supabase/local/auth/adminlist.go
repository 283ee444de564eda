package auth

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	defaultPerPage = 50
	maxPerPage     = 1000
)

// adminList answers GET /admin/users, newest first. Links to the next and the last page and the total are in headers.
func (s *server) adminList(w http.ResponseWriter, r *http.Request) error {
	page, err := readPage(r.URL.Query())
	if err != nil {
		return refuse(http.StatusBadRequest, "validation_failed", "Bad Pagination Parameters: %v", err)
	}
	users, total, err := listUsers(r.Context(), s.pool, page.size, (page.number-1)*page.size)
	if err != nil {
		return err
	}
	w.Header().Set("Link", page.links(r.URL, total))
	w.Header().Set("X-Total-Count", strconv.Itoa(total))
	writeJSON(w, http.StatusOK, map[string]any{"users": users, "aud": audience})
	return nil
}

type page struct{ number, size int }

func readPage(query url.Values) (page, error) {
	number, err := positive(query.Get("page"), 1)
	if err != nil {
		return page{}, fmt.Errorf("page: %w", err)
	}
	size, err := positive(query.Get("per_page"), defaultPerPage)
	if err != nil {
		return page{}, fmt.Errorf("per_page: %w", err)
	}
	return page{number: number, size: min(size, maxPerPage)}, nil
}

func positive(text string, absent int) (int, error) {
	if text == "" {
		return absent, nil
	}
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil || number < 1 {
		return 0, fmt.Errorf("%q is not a number above 0", text)
	}
	return int(number), nil
}

// links is the header Link. Clients cut the number out after the first "=", so page must come first in the query.
func (p page) links(u *url.URL, total int) string {
	last := (total + p.size - 1) / p.size
	var links []string
	if last > p.number {
		links = append(links, p.link(u, p.number+1, "next"))
	}
	return strings.Join(append(links, p.link(u, last, "last")), ", ")
}

func (p page) link(u *url.URL, number int, relation string) string {
	return fmt.Sprintf("<%s?page=%d&per_page=%d>; rel=%q", u.Path, number, p.size, relation)
}

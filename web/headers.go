package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"
)

// hashed are names that Vite gives to files whose content never changes: index-DkE3x_9a.js.
var hashed = regexp.MustCompile(`-[A-Za-z0-9_-]{8}\.[a-z0-9]+$`)

// contentTypes are those of the files that a build makes. Go's own table depends on the machine.
var contentTypes = map[string]string{
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".json":  "application/json; charset=utf-8",
	".map":   "application/json; charset=utf-8",
	".svg":   "image/svg+xml",
	".png":   "image/png",
	".woff2": "font/woff2",
	".txt":   "text/plain; charset=utf-8",
}

func contentType(name string) string {
	if known, ok := contentTypes[path.Ext(name)]; ok {
		return known
	}
	if known := mime.TypeByExtension(path.Ext(name)); known != "" {
		return known
	}
	return "application/octet-stream"
}

// secure sets what every answer has: pages run their own scripts alone, talk to the project alone and are in no frame.
func (p *pages) secure(header http.Header) {
	header.Set("Content-Security-Policy", p.policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "strict-origin-when-cross-origin")
}

func contentSecurityPolicy(api string) string {
	sockets := strings.Replace(api, "http", "ws", 1)
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"worker-src 'self' blob:", // beats keep time in a worker: timers of hidden pages are slowed down
		"font-src 'self'",
		"img-src 'self' data: blob: https: " + api, // pictures of agents, and those that people send each other
		"media-src 'self' data:",
		"connect-src 'self' " + api + " " + sockets,
		"form-action 'self'",
		"base-uri 'none'",
		"frame-ancestors 'none'",
	}, "; ")
}

// cache lets a browser keep what never changes for a year, and ask each time for everything else: a page that was kept would
// name files that are gone.
func cache(header http.Header, name string) {
	if hashed.MatchString(name) {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
		return
	}
	header.Set("Cache-Control", "no-cache")
}

// share opens the widget's files to the sites that embed it: a script imports its parts across origins.
func share(header http.Header, name string) {
	if strings.HasPrefix(name, "widget/") {
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
}

// serve answers with the text, or that the browser has it already.
func serve(w http.ResponseWriter, r *http.Request, kind string, text []byte) {
	sum := sha256.Sum256(text)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}

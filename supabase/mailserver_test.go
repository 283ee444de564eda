package supabase_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase"
)

// mailServerOptions say how a mail server of a test behaves.
type mailServerOptions struct {
	// answers replace what the server says to a command line that begins with the key. An empty answer hangs up.
	answers map[string]string
	// starttls offers it; implicit speaks TLS from the start.
	starttls, implicit bool
	// silent accepts connections and says nothing.
	silent bool
}

// mailServer is a mail server that speaks as much SMTP as a submission needs.
type mailServer struct {
	mailServerOptions

	address string
	listen  net.Listener
	tls     *tls.Config
	roots   *x509.CertPool
	running sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
	taken []takenMail
	lines []string
}

// takenMail is a letter that the server has taken.
type takenMail struct {
	to        string
	encrypted bool
	message   *mail.Message
}

func newMailServer(t *testing.T, options mailServerOptions) *mailServer {
	t.Helper()
	listen, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed with the test
	require.NoError(t, err)
	server := &mailServer{
		mailServerOptions: options, address: listen.Addr().String(), listen: listen, conns: make(map[net.Conn]bool),
	}
	server.tls, server.roots = selfSigned(t)
	server.running.Add(1)
	go server.serve()
	t.Cleanup(server.stop)
	return server
}

// sender sends through this server and trusts its certificate.
func (m *mailServer) sender(t *testing.T, url string) *supabase.SMTP {
	t.Helper()
	sender, err := supabase.NewSMTP(supabase.SMTPOptions{URL: url, From: "Acme Support <support@acme.example>", RootCAs: m.roots})
	require.NoError(t, err)
	return sender
}

func (m *mailServer) stop() {
	_ = m.listen.Close()
	m.mu.Lock()
	for conn := range m.conns {
		_ = conn.Close()
	}
	m.mu.Unlock()
	m.running.Wait()
}

func (m *mailServer) serve() {
	defer m.running.Done()
	for {
		conn, err := m.listen.Accept()
		if err != nil {
			return
		}
		m.mu.Lock()
		m.conns[conn] = true
		m.mu.Unlock()
		m.running.Add(1)
		go func() {
			defer m.running.Done()
			defer func() { _ = conn.Close() }()
			(&mailSession{server: m, conn: conn}).talk()
		}()
	}
}

// accepted are the letters that were taken so far.
func (m *mailServer) accepted() []takenMail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]takenMail(nil), m.taken...)
}

// messageIDs are those of the letters that were taken.
func (m *mailServer) messageIDs() map[string]bool {
	ids := make(map[string]bool)
	for _, taken := range m.accepted() {
		ids[taken.message.Header.Get("Message-Id")] = true
	}
	return ids
}

// said reports whether a client sent a line that begins so.
func (m *mailServer) said(prefix string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, line := range m.lines {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}

// mailSession is one conversation.
type mailSession struct {
	server    *mailServer
	conn      net.Conn
	reader    *textproto.Reader
	encrypted bool
	to        string
}

func (s *mailSession) talk() {
	if s.server.implicit {
		s.conn, s.encrypted = tls.Server(s.conn, s.server.tls), true
	}
	s.reader = textproto.NewReader(bufio.NewReader(s.conn))
	if s.server.silent {
		_, _ = s.reader.ReadLine() // ends when the client hangs up
		return
	}
	if !s.say("220 mail.example ESMTP") {
		return
	}
	for {
		line, err := s.reader.ReadLine()
		if err != nil {
			return
		}
		s.server.mu.Lock()
		s.server.lines = append(s.server.lines, line)
		s.server.mu.Unlock()
		if !s.answer(line) {
			return
		}
	}
}

// answer says whether the conversation goes on.
func (s *mailSession) answer(line string) bool {
	for prefix, answer := range s.server.answers {
		if strings.HasPrefix(line, prefix) {
			return answer != "" && s.say(answer)
		}
	}
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "EHLO", "HELO":
		return s.greet()
	case "STARTTLS":
		return s.say("220 go on") && s.encrypt()
	case "AUTH":
		return s.say("235 2.7.0 welcome")
	case "RCPT":
		s.to = strings.Trim(strings.TrimPrefix(rest, "TO:"), "<>")
		return s.say("250 2.1.5 ok")
	case "DATA":
		return s.say("354 go on") && s.take()
	case "QUIT":
		return s.say("221 bye") && false
	default:
		return s.say("250 2.0.0 ok")
	}
}

func (s *mailSession) greet() bool {
	lines := []string{"mail.example", "8BITMIME", "ENHANCEDSTATUSCODES"}
	if s.server.starttls && !s.encrypted {
		lines = append(lines, "STARTTLS")
	}
	if s.encrypted {
		lines = append(lines, "AUTH PLAIN")
	}
	return s.say("250-" + strings.Join(lines, "\r\n250-") + "\r\n250 SIZE 1000000")
}

func (s *mailSession) encrypt() bool {
	s.conn, s.encrypted = tls.Server(s.conn, s.server.tls), true
	s.reader = textproto.NewReader(bufio.NewReader(s.conn))
	return true
}

// take reads a letter. The answer "END OF DATA" stands for is given after it was taken.
func (s *mailSession) take() bool {
	message, err := mail.ReadMessage(s.reader.DotReader())
	if err != nil {
		return false
	}
	body, err := io.ReadAll(message.Body)
	if err != nil {
		return false
	}
	message.Body = strings.NewReader(string(body))
	s.server.mu.Lock()
	s.server.taken = append(s.server.taken, takenMail{to: s.to, encrypted: s.encrypted, message: message})
	s.server.mu.Unlock()
	if answer, other := s.server.answers["END OF DATA"]; other {
		return answer != "" && s.say(answer)
	}
	return s.say("250 2.0.0 queued")
}

func (s *mailSession) say(text string) bool {
	_, err := io.WriteString(s.conn, text+"\r\n")
	return err == nil
}

// text is the part of the letter of that type, decoded.
func (m takenMail) text(t *testing.T, mediaType string) string {
	t.Helper()
	_, parameters, err := mime.ParseMediaType(m.message.Header.Get("Content-Type"))
	require.NoError(t, err)
	parts := multipart.NewReader(m.message.Body, parameters["boundary"])
	for {
		part, err := parts.NextRawPart()
		require.NoError(t, err, "the letter has no part %s", mediaType)
		if strings.HasPrefix(part.Header.Get("Content-Type"), mediaType) {
			require.Equal(t, "quoted-printable", part.Header.Get("Content-Transfer-Encoding"))
			text, err := io.ReadAll(quotedprintable.NewReader(part))
			require.NoError(t, err)
			return strings.ReplaceAll(string(text), "\r\n", "\n")
		}
	}
}

func selfSigned(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, roots
}

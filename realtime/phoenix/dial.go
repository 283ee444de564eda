package phoenix

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/lxzan/gws"
)

const (
	// refusalBytes is how much of an answer that is not a WebSocket is read for its reason.
	refusalBytes = 4096
	// libraryHandshakeTimeout only has to be longer than any DialTimeout: dial closes the connection when its context
	// ends. Were it the shorter one, the library would leave a goroutine behind.
	libraryHandshakeTimeout = time.Hour
)

// dial opens the WebSocket. An HTTP answer instead is a *connectError. The key never shows in the error.
func dial(ctx context.Context, endpoint *url.URL, handler gws.Event) (*gws.Conn, *wire, error) {
	conn, err := dialNetwork(ctx, endpoint)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to realtime at %s: %w", endpoint.Host, err)
	}
	release := context.AfterFunc(ctx, func() { _ = conn.Close() })
	raw := &wire{Conn: conn}
	socket, err := upgrade(raw, endpoint, handler)
	if !release() || err != nil {
		_ = conn.Close()
		return nil, nil, fmt.Errorf("open websocket at %s: %w", endpoint.Host, errors.Join(err, context.Cause(ctx)))
	}
	return socket, raw, nil
}

func dialNetwork(ctx context.Context, endpoint *url.URL) (net.Conn, error) {
	port := endpoint.Port()
	if port == "" {
		port = map[string]string{"ws": "80", "wss": "443"}[endpoint.Scheme]
	}
	address := net.JoinHostPort(endpoint.Hostname(), port)
	if endpoint.Scheme == "ws" {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	dialer := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12}}
	return dialer.DialContext(ctx, "tcp", address)
}

func upgrade(raw *wire, endpoint *url.URL, handler gws.Event) (*gws.Conn, error) {
	options := &gws.ClientOption{Addr: endpoint.String(), HandshakeTimeout: libraryHandshakeTimeout}
	socket, response, err := gws.NewClientFromConn(handler, options, raw)
	if response != nil {
		defer func() { _ = response.Body.Close() }()
	}
	if err == nil {
		raw.release()
		return socket, nil
	}
	if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
		return nil, &connectError{status: response.StatusCode, reason: refusal(response.Body)}
	}
	return nil, err
}

// refusal reads the reason out of the body of a refusal: {"error":...} from Realtime, {"message":...} from gateways.
func refusal(body io.Reader) string {
	text, err := io.ReadAll(io.LimitReader(body, refusalBytes))
	if err != nil && len(text) == 0 {
		return "no reason given"
	}
	var fields struct {
		Error   string `json:"error"`
		Message string `json:"message"`
	}
	if json.Unmarshal(text, &fields) == nil && fields.Error+fields.Message != "" {
		return fields.Error + fields.Message
	}
	return "no reason given"
}

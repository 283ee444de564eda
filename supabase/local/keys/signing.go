package keys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// signingSeed makes the signing key: the same on every machine, so that a token outlives a restart, and no secret.
const signingSeed = "local-development-only-es256-signing-key"

// A JWK is a public key in the form of RFC 7517, as clients fetch it to verify tokens themselves.
type JWK struct {
	Algorithm     string   `json:"alg"`
	Curve         string   `json:"crv"`
	Extractable   bool     `json:"ext"`
	KeyOperations []string `json:"key_ops"`
	ID            string   `json:"kid"`
	Type          string   `json:"kty"`
	Use           string   `json:"use"`
	X             string   `json:"x"`
	Y             string   `json:"y"`
}

// signingKey is the ES256 pair that user tokens are signed with.
type signingKey struct {
	private *ecdsa.PrivateKey
	public  JWK
}

func newSigningKey() signingKey {
	scalar := sha256.Sum256([]byte(signingSeed))
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
	if err != nil {
		panic(err) // constant seed: cannot fail
	}
	return signingKey{private: private, public: jwkOf(&private.PublicKey)}
}

// jwkOf describes the key. Its id is a digest of the key, so that another key can never pass under the id of this one.
func jwkOf(public *ecdsa.PublicKey) JWK {
	point, err := public.Bytes() // 0x04, then both coordinates at full length
	if err != nil {
		panic(err) // a point that came out of a private key is on the curve
	}
	coordinates := point[1:]
	half := len(coordinates) / 2
	id := sha256.Sum256(point)
	return JWK{
		Algorithm: jwt.SigningMethodES256.Alg(), Curve: "P-256", Extractable: true, KeyOperations: []string{"verify"},
		ID: hex.EncodeToString(id[:16]), Type: "EC", Use: "sig",
		X: base64.RawURLEncoding.EncodeToString(coordinates[:half]),
		Y: base64.RawURLEncoding.EncodeToString(coordinates[half:]),
	}
}

// SignUser makes a token of the claims with the ES256 key, as Auth signs users' tokens. Its header names the key.
func (r *Ring) SignUser(claims map[string]any) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims(claims))
	token.Header["kid"] = r.signing.public.ID
	signed, err := token.SignedString(r.signing.private)
	if err != nil {
		return "", fmt.Errorf("sign user token: %w", err)
	}
	return signed, nil
}

// PublicKeys are the keys with which anybody may verify tokens of SignUser. The shared secret is not among them.
func (r *Ring) PublicKeys() []JWK { return []JWK{r.signing.public} }

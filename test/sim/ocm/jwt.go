package ocm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// claims of a token: those that clients read and those that identify the kind of token.
type claims struct {
	Type     string `json:"typ"` // Bearer, Refresh or Offline: clients choose the grant by it
	ID       string `json:"jti"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp,omitempty"` // offline tokens have none
	Issuer   string `json:"iss"`
	Audience string `json:"aud,omitempty"`
	Subject  string `json:"sub"` // account id
	Client   string `json:"azp"`
	Session  string `json:"session_state"`
	Scope    string `json:"scope"`
	Username string `json:"preferred_username,omitempty"`
}

var (
	errTokenForged  = errors.New("the signature is wrong")
	errTokenExpired = errors.New("the token has expired")
	errTokenEarly   = errors.New("the token was issued in the future")
)

const jwtHeader = `{"alg":"HS256","typ":"JWT","kid":"simulator"}`

// sign creates a JWT. A shared key is enough, because the same process creates and checks it, and no client checks a signature.
func (s *Sim) sign(c claims) string {
	body, _ := json.Marshal(c) // strings and numbers always marshal
	text := base64.RawURLEncoding.EncodeToString([]byte(jwtHeader)) + "." + base64.RawURLEncoding.EncodeToString(body)
	token := text + "." + base64.RawURLEncoding.EncodeToString(s.mac(text))
	s.canary(token)
	return token
}

// verify reads a JWT of sign and checks its times against now.
func (s *Sim) verify(token string, now time.Time) (claims, error) {
	end := strings.LastIndexByte(token, '.')
	if end < 0 {
		return claims{}, errTokenForged
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[end+1:])
	if err != nil || !hmac.Equal(signature, s.mac(token[:end])) {
		return claims{}, errTokenForged
	}
	_, body, _ := strings.Cut(token[:end], ".")
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return claims{}, errTokenForged
	}
	var c claims
	if err := json.Unmarshal(raw, &c); err != nil {
		return claims{}, errTokenForged
	}
	switch {
	case c.Expires != 0 && now.Unix() >= c.Expires:
		return c, errTokenExpired
	case c.IssuedAt > now.Add(allowedSkew).Unix():
		return c, errTokenEarly
	}
	return c, nil
}

// allowedSkew is how far in the future a token's issue may be: a usual leeway, and more than the rounding to seconds.
const allowedSkew = 30 * time.Second

func (s *Sim) mac(text string) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

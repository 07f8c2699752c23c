package cap

import (
	"crypto/rand"
	"encoding/base64"
	"math/big"
	"sort"
	"time"
)

// defaultLifetime is the portal's: "the tokens expire every hour by default, but this is configurable".
const defaultLifetime = time.Hour

// credential is an issued credential.
type credential struct {
	id, secret, token string
	dialect           Dialect
	role, account     string
	issued, expires   time.Time
	dead              bool // AWS does not know it
}

func (c *credential) partition() string {
	if c.dialect == SC2S {
		return "aws-iso-b"
	}
	return "aws-iso"
}

func (c *credential) roleARN() string {
	return "arn:" + c.partition() + ":iam::" + c.account + ":role/" + c.role
}

// Key describes an issued key without its secrets.
type Key struct {
	AccessKeyID string    `json:"accessKeyId"`
	Dialect     Dialect   `json:"dialect"`
	Role        string    `json:"role"`
	RoleARN     string    `json:"roleArn"`
	Issued      time.Time `json:"issued"`
	Expires     time.Time `json:"expires"`
	// Dead is true for keys that AWS does not know.
	Dead bool `json:"dead"`
}

// Lookup finds an issued key for the STS simulator, including expired ones, which AWS reports differently from unknown ones.
func (s *Sim) Lookup(accessKeyID string) (secret, token, roleARN string, expires time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.issued[accessKeyID]
	if !ok || c.dead {
		return "", "", "", time.Time{}, false
	}
	return c.secret, c.token, c.roleARN(), c.expires, true
}

// Kill makes AWS forget every key that was issued for a role, or for all roles if role is empty.
func (s *Sim) Kill(role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.issued {
		c.dead = c.dead || role == "" || c.role == role
	}
}

// Keys lists the issued keys, oldest first.
func (s *Sim) Keys() []Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := make([]Key, 0, len(s.issued))
	for _, c := range s.issued {
		keys = append(keys, Key{c.id, c.dialect, c.role, c.roleARN(), c.issued, c.expires, c.dead})
	}
	sort.Slice(keys, func(i, j int) bool {
		if !keys[i].Issued.Equal(keys[j].Issued) {
			return keys[i].Issued.Before(keys[j].Issued)
		}
		return keys[i].AccessKeyID < keys[j].AccessKeyID
	})
	return keys
}

// IssuedSecrets returns every issued secret key and session token, for tests that search for them.
func (s *Sim) IssuedSecrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var secrets []string
	for _, c := range s.issued {
		secrets = append(secrets, c.secret)
		if c.token != "" {
			secrets = append(secrets, c.token)
		}
	}
	return secrets
}

// credentialFor returns a credential for a known role: a new one, or the previous one while the settings reuse it.
// The caller holds the lock.
func (s *Sim) credentialFor(dialect Dialect, role string) *credential {
	now := s.clock.Now()
	slot := string(dialect) + "/" + role
	if before := s.current[slot]; before != nil && s.settings.ReuseUntilPercent > 0 {
		reusable := before.expires.Sub(before.issued) * time.Duration(s.settings.ReuseUntilPercent) / 100
		sameKind := (before.token == "") == s.settings.OmitSessionToken
		if sameKind && !before.dead && now.Before(before.issued.Add(reusable)) {
			return before
		}
	}
	lifetime := time.Duration(s.settings.Lifetime)
	if lifetime == 0 {
		lifetime = defaultLifetime
	}
	c := &credential{
		id: "ASIA" + randomText(idAlphabet, 16), secret: s.canary(40), token: "FwoGZXIvYXdzE/+" + s.canary(320) + "==",
		dialect: dialect, role: role, account: s.roles[role], issued: now,
		// Whole seconds, as in the response.
		expires: now.Add(lifetime).Truncate(time.Second),
	}
	if s.settings.OmitSessionToken {
		c.id, c.token = "AKIA"+c.id[4:], ""
	}
	s.issued[c.id], s.current[slot] = c, c
	return c
}

// idAlphabet is that of access key ids.
const idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// canary returns a random secret with the length of AWS's and the canary inside. AWS secrets contain slash and plus, which break
// careless quoting.
func (s *Sim) canary(length int) string {
	raw := make([]byte, length)
	_, _ = rand.Read(raw) // never returns an error
	text := base64.StdEncoding.EncodeToString(raw)
	return (s.options.Canary + "/+" + text)[:max(length, len(s.options.Canary)+22)]
}

func randomText(alphabet string, length int) string {
	text := make([]byte, length)
	for i := range text {
		n, _ := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet)))) // never returns an error
		text[i] = alphabet[n.Int64()]
	}
	return string(text)
}

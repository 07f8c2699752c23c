package pullsecret

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// authsOf are the auths of a pull secret by key; nil if nobody can read it.
func authsOf(document []byte) map[string]string {
	var d struct {
		Auths map[string]struct{ Auth string }
	}
	if json.Unmarshal(document, &d) != nil || d.Auths == nil {
		return nil
	}
	out := map[string]string{}
	for name, e := range d.Auths {
		out[name] = e.Auth
	}
	return out
}

// with is a document with an entry.
func with(document []byte, key, auth string) []byte {
	var d struct {
		Auths map[string]map[string]string `json:"auths"`
	}
	if json.Unmarshal(document, &d) != nil || d.Auths == nil {
		d.Auths = map[string]map[string]string{}
	}
	d.Auths[key] = map[string]string{"auth": auth}
	if auth == "" {
		delete(d.Auths, key)
	}
	raw, err := json.Marshal(d)
	must(err)
	return raw
}

// withForeign is a document with a customer's own entry.
func withForeign(document []byte, host string) []byte {
	return with(document, host, base64.StdEncoding.EncodeToString([]byte("customer:"+foreignSecret+host)))
}

func login(auth string) (user, password string) {
	raw, _ := base64.StdEncoding.DecodeString(auth)
	user, password, _ = strings.Cut(string(raw), ":")
	return user, password
}

// ours is true for a key of the account's registries.
func ours(key string) bool {
	host, _, _ := strings.Cut(key, "/")
	return slices.Contains(simocm.Registries, host)
}

// alive is true for a credential that its registry accepts in truth.
func (w *world) alive(key, auth string) bool {
	host, _, _ := strings.Cut(key, "/")
	user, password := login(auth)
	return user != "" && w.ocm.Alive(host, user, password)
}

// issued is true for a credential that OCM has ever issued.
func (w *world) issued(key, auth string) bool {
	host, _, _ := strings.Cut(key, "/")
	user, password := login(auth)
	if w.ocm.Alive(host, user, password) {
		return true
	}
	_, was := w.ocm.DeadFor(host, user, password)
	return was
}

// strangers is true for a credential of the other account.
func (w *world) strangers(auth string) bool {
	return slices.ContainsFunc(w.ocm.PullSecrets(w.stranger.ID), func(d []byte) bool {
		return auth != "" && slices.Contains(slices.Collect(maps.Values(authsOf(d))), auth)
	})
}

func fingerprint(document []byte) string {
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:6])
}

func keys(auths map[string]string) []string { return slices.Sorted(maps.Keys(auths)) }

package capset

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// Seven CredentialsRequests that share two roles cost two requests to CAP and seven writes per refresh, and nothing between two refreshes.
func TestCAP_ARefreshIsTwoRequestsAndSevenWrites(t *testing.T) {
	const (
		lifetime  = 16 * time.Second
		earliest  = lifetime*4/10 - time.Second // half of it without the jitter, in full seconds
		refreshes = 3
	)
	w := newCAPWorld(t, lifetime)
	began := time.Now()
	w.start()
	w.create()
	w.eventually("the third refresh of both roles has been requested from CAP", func(context.Context) error {
		if n := w.cap.Counts().ByRole; n[machineRole] < refreshes || n[platformRole] < refreshes {
			return fmt.Errorf("%v requests", n)
		}
		return nil
	})
	w.eventually("the third refresh has been written", func(context.Context) error {
		if n := len(w.secretWrites()); n < refreshes*7 {
			return fmt.Errorf("%d writes", n)
		}
		return nil
	})
	w.stop()
	atMost := int(time.Since(began)/earliest) + 1

	calls := w.cap.Counts().ByRole
	for _, role := range []string{machineRole, platformRole} {
		if n := calls[role]; n < refreshes || n > atMost {
			t.Errorf("%d requests to CAP for role %s, but there was time for %d refreshes", n, role, atMost)
		}
	}
	writes := map[string]int{}
	for _, text := range w.secretWrites() {
		writes[text]++
	}
	if len(writes) != 7 {
		t.Errorf("%d different writes, want those of seven Secrets: %v", len(writes), writes)
	}
	for _, r := range harness.PayloadRequests() {
		// The operator may have been stopped between a request and its writes.
		text, asked := fmt.Sprintf("patch secrets %s/%s", r.SecretNamespace, r.SecretName), calls[roleOf(r.Name)]
		if n := writes[text]; n < refreshes || n > asked || n < asked-1 {
			t.Errorf("%q happened %d times, with %d requests to CAP", text, n, asked)
		}
	}
	// One per round with a change; the jitter of two roles makes two rounds.
	if n, most := len(w.statusWrites()), 2*max(calls[machineRole], calls[platformRole])+2; n > most {
		t.Errorf("%d writes of the status, want at most %d", n, most)
	}
}

func TestCAP_SecretsHoldWhatTheConsumersRead(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.start()
	w.create()
	w.eventuallyFresh()
	keys := map[string]string{}
	for _, r := range harness.PayloadRequests() {
		data := w.secret(r.SecretNamespace, r.SecretName).Data
		id, secret := data["aws_access_key_id"], data["aws_secret_access_key"]
		if len(id) == 0 || len(secret) == 0 {
			t.Errorf("%s/%s does not have all keys", r.SecretNamespace, r.SecretName)
		}
		for _, part := range [][]byte{[]byte("[default]\n"), id, secret, []byte("aws_session_token = ")} {
			if !bytes.Contains(data["credentials"], part) {
				t.Errorf("the key credentials of %s/%s does not contain a part, such as %.10q", r.SecretNamespace, r.SecretName, part)
			}
		}
		if other, ok := keys[roleOf(r.Name)]; ok && other != string(id) {
			t.Errorf("the Secrets of role %s hold different credentials", roleOf(r.Name))
		}
		keys[roleOf(r.Name)] = string(id)
	}
	if keys[machineRole] == keys[platformRole] {
		t.Error("both roles have the same credential")
	}
}

package capset

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// Seven CredentialsRequests that share two roles cost two calls and seven writes per refresh, and nothing between two
// refreshes: the third refresh finds the counters where the second one left them.
func TestCAP_ARefreshIsTwoCallsAndSevenWrites(t *testing.T) {
	w := newCAPWorld(t, 16*time.Second)
	w.start()
	w.create()
	const refreshes = 3
	w.eventually("CAP has been asked for the third refresh of both roles", func(context.Context) error {
		if n := w.cap.Counts().ByRole; n[machineRole] < refreshes || n[platformRole] < refreshes {
			return fmt.Errorf("asked %v times", n)
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

	if n := w.cap.Counts(); n.ByRole[machineRole] != refreshes || n.ByRole[platformRole] != refreshes || n.Requests != 2*refreshes {
		t.Errorf("CAP was asked %v times; %d refreshes of two roles are %d calls", n.ByRole, refreshes, 2*refreshes)
	}
	writes := map[string]int{}
	for _, text := range w.secretWrites() {
		writes[text]++
	}
	if len(writes) != 7 {
		t.Errorf("%d different writes, want those of seven Secrets: %v", len(writes), writes)
	}
	for text, n := range writes {
		if n != refreshes {
			t.Errorf("%q happened %d times in %d refreshes", text, n, refreshes)
		}
	}
	// One per round in which something changed, and two roles whose refresh is apart by their jitter make two rounds.
	if n := len(w.statusWrites()); n > 2*refreshes+2 {
		t.Errorf("%d writes of the status in %d refreshes", n, refreshes)
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
			t.Errorf("%s/%s lacks a key", r.SecretNamespace, r.SecretName)
		}
		for _, part := range [][]byte{[]byte("[default]\n"), id, secret, []byte("aws_session_token = ")} {
			if !bytes.Contains(data["credentials"], part) {
				t.Errorf("the key credentials of %s/%s lacks a part, such as %.10q", r.SecretNamespace, r.SecretName, part)
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

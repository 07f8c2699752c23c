package registry_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/registry"
)

// TestBadDays_ReachTheClientAsTheyAre covers failures that are not evidence against a credential, and those that are.
func TestBadDays_ReachTheClientAsTheyAre(t *testing.T) {
	for _, tc := range []struct {
		// name is the sentence that the case proves.
		name string
		// prepare breaks something; mend fixes it, and then the same request succeeds.
		prepare, mend func(*rig)
		// want is the status, 0 without a response; text is part of the error.
		want int
		text string
	}{
		{"a rate limit is a 429",
			func(r *rig) {
				r.Break(registry.Fault{Endpoint: registry.EndpointToken, Kind: registry.RateLimited, Times: 1})
			},
			nil, 429, "TOOMANYREQUESTS"},
		{"an error is a 500",
			func(r *rig) { r.Break(registry.Fault{Registry: registry.Quay, Kind: registry.Error500}) },
			func(r *rig) { r.Mend() }, 500, ""},
		{"a gateway's page is a 502",
			func(r *rig) { r.Break(registry.Fault{Kind: registry.HTML502, Times: 1}) }, nil, 502, ""},
		{"a denial is a 403",
			func(r *rig) {
				r.Break(registry.Fault{Endpoint: registry.EndpointManifest, Kind: registry.Denied403, Times: 1})
			}, nil, 403, ""},
		{"a lost connection is not a response",
			func(r *rig) { r.Break(registry.Fault{Kind: registry.Dropped, Times: 1}) }, nil, 0, "EOF"},
		{"a stopped registry cannot be reached",
			func(r *rig) { r.Server(registry.Quay).Stop() },
			func(r *rig) { _ = r.Server(registry.Quay).Start() }, 0, "Bad Gateway"},
		{"a name that the proxy does not allow cannot be reached",
			func(r *rig) { r.proxy.Block("quay.io:443", true) },
			func(r *rig) { r.proxy.Block("quay.io:443", false) }, 0, "Forbidden"},
		{"a certificate with another name fails",
			func(r *rig) { r.Present(registry.Quay, registry.OtherName) },
			func(r *rig) { r.Present(registry.Quay, registry.GoodCertificate) }, 0, "not quay.io"},
		{"a certificate of another CA fails",
			func(r *rig) { r.Present(registry.Quay, registry.OtherCA) },
			func(r *rig) { r.Present(registry.Quay, registry.GoodCertificate) }, 0, "unknown authority"},
		{"a refused user gets 401",
			func(r *rig) { r.Refuse(registry.Quay, user, true) },
			func(r *rig) { r.Refuse(registry.Quay, user, false) }, 401, "Could not find robot"},
		{"a login that may not pull here gets quay's 401",
			func(r *rig) { r.DenyPull(registry.Quay, user, releaseRepo, true) },
			func(r *rig) { r.DenyPull(registry.Quay, user, releaseRepo, false) }, 401, ""},
		{"new credentials need attempts to spread",
			func(r *rig) { r.Spread(registry.Quay, 1, 0) }, nil, 401, ""},
		{"new credentials need time to spread",
			func(r *rig) { r.Spread(registry.Quay, 0, time.Minute) },
			func(r *rig) { r.clock.Step(time.Minute) }, 401, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, directory{})
			tc.prepare(r)
			err := r.head("quay.io/"+releaseRepo+":v1", good())
			if err == nil || status(err) != tc.want || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %d (%v), want %d and %q", status(err), err, tc.want, tc.text)
			}
			if tc.mend != nil {
				tc.mend(r)
			}
			if err := r.head("quay.io/"+releaseRepo+":v1", good()); err != nil {
				t.Errorf("after the bad day: %v", err)
			}
		})
	}
}

// TestHang_EndsWithTheClient cancels the request once it has arrived.
func TestHang_EndsWithTheClient(t *testing.T) {
	r := newRig(t, directory{})
	r.Break(registry.Fault{Registry: registry.Quay, Kind: registry.Hang, Times: 1})
	ctx, giveUp := context.WithCancel(context.Background())
	go func() {
		for r.Count(registry.Quay, registry.EndpointPing) == 0 {
			time.Sleep(time.Millisecond)
		}
		giveUp()
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://quay.io/v2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.http.Do(req); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want no response until the client gives up", err)
	}
}

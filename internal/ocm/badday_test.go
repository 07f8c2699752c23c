package ocm_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/ocm"
	sim "github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

func TestCredential_RefusalsAreToldApart(t *testing.T) {
	tests := []struct {
		name string
		// config breaks the credential, or the world, and says whom to connect as.
		config func(r *rig) ocm.Config
		want   ocm.Kind
		// status of the answer, and the code in it; any when empty.
		status int
		code   string
	}{
		{"an offline token that nobody used for a month", func(r *rig) ocm.Config {
			token := r.OfflineToken(r.account.ID)
			r.Advance(31 * 24 * time.Hour)
			return ocm.Config{Credential: ocm.Credential{Token: token}}
		}, ocm.OCMTokenExpired, 400, "invalid_grant"},
		{"an offline token whose owner's sessions were ended", func(r *rig) ocm.Config {
			token := r.OfflineToken(r.account.ID)
			r.EndSessions(r.account.ID)
			return ocm.Config{Credential: ocm.Credential{Token: token}}
		}, ocm.OCMTokenExpired, 400, "invalid_grant"},
		{"an offline token used with another client", func(r *rig) ocm.Config {
			return ocm.Config{Credential: ocm.Credential{Token: r.OfflineToken(r.account.ID), ClientID: "my-client"}}
		}, ocm.OCMClientRefused, 401, "invalid_client"},
		{"an organisation that forbids offline tokens", func(r *rig) ocm.Config {
			token := r.OfflineToken(r.account.ID)
			r.ForbidOfflineTokens(r.account.ID, true)
			return ocm.Config{Credential: ocm.Credential{Token: token}}
		}, ocm.OCMOfflineTokensForbidden, 400, "not_allowed"},
		{"a client secret that was replaced", func(r *rig) ocm.Config {
			id, old := r.ServiceAccountCredential(r.account.ID)
			r.ServiceAccountCredential(r.account.ID)
			return ocm.Config{Credential: ocm.Credential{ClientID: id, ClientSecret: old}}
		}, ocm.OCMClientRefused, 401, "unauthorized_client"},
		{"a clock that is ahead of the SSO's by more than a token's life", func(r *rig) ocm.Config {
			r.SetClockSkew(-20*time.Minute, -20*time.Minute)
			return ocm.Config{Credential: ocm.Credential{Token: r.OfflineToken(r.account.ID)}}
		}, ocm.ClockSkew, 200, ""},
		{"an API whose clock does not honour what the SSO issued", func(r *rig) ocm.Config {
			token := r.OfflineToken(r.account.ID)
			r.SetClockSkew(0, 20*time.Minute)
			return ocm.Config{Credential: ocm.Credential{Token: token}}
		}, ocm.ClockSkew, 401, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, sim.Options{})
			client := r.connect(test.config(r))
			_, err := client.CurrentAccount(context.Background())
			e := r.fails(err, test.want)
			if e.Status != test.status || test.code != "" && e.Code != test.code {
				t.Errorf("got status %d and code %q, want %d and %q: %s", e.Status, e.Code, test.status, test.code, e.Message)
			}
			if e.Ambiguous() {
				t.Error("a refused login counts as ambiguous")
			}
			if n := r.Count(sim.OpToken); n != 1 {
				t.Errorf("%d token exchanges", n)
			}
		})
	}
}

func TestAccount_ThatIsNotOnesOwnIsForbiddenWithOCMsCodeAndItsMeaning(t *testing.T) {
	r := newRig(t, sim.Options{})
	other := r.AddAccount(sim.AccountSpec{})
	_, err := r.client.RequestRotation(context.Background(), other.ID)
	e := r.fails(err, ocm.OCMForbidden)
	if e.Status != 403 || e.Code != "ACCT-MGMT-11" || e.OperationID == "" || e.Ambiguous() {
		t.Errorf("got %+v", e)
	}
	for _, words := range []string{"ACCT-MGMT-11", e.OperationID, "lacks the right", "requesting a rotation"} {
		if !strings.Contains(e.Message, words) {
			t.Errorf("the message lacks %q: %s", words, e.Message)
		}
	}
}

func TestAccount_ThatIsBannedIsForbidden(t *testing.T) {
	r := newRig(t, sim.Options{})
	r.Ban(r.account.ID, true)
	_, err := r.client.CurrentAccount(context.Background())
	r.fails(err, ocm.OCMForbidden)
}

func TestRotation_ThatIsGoneIsNotFound(t *testing.T) {
	r := newRig(t, sim.Options{})
	_, err := r.client.Rotation(context.Background(), r.account.ID, "2JuNoSuchRotation")
	r.fails(err, ocm.NotFound)
}

func TestRequestRotation_OnABadDayIsSentOnceAndSaysWhetherItMayHaveWorked(t *testing.T) {
	tests := []struct {
		fault sim.Fault
		want  ocm.Kind
		// ambiguous: the caller must list before anything else.
		ambiguous bool
		// created: the fault comes after the effect.
		created bool
	}{
		{fault: sim.Fault{Kind: sim.Empty401}, want: ocm.OCMUnauthorized},
		{fault: sim.Fault{Kind: sim.Error401}, want: ocm.OCMUnauthorized},
		{fault: sim.Fault{Kind: sim.Error403}, want: ocm.OCMForbidden},
		{fault: sim.Fault{Kind: sim.RateLimited}, want: ocm.OCMRateLimited},
		{fault: sim.Fault{Kind: sim.Error500}, want: ocm.OCMUnavailable, ambiguous: true},
		{fault: sim.Fault{Kind: sim.HTML502}, want: ocm.OCMUnavailable, ambiguous: true},
		{fault: sim.Fault{Kind: sim.HTML200}, want: ocm.OCMUnavailable, ambiguous: true},
		{fault: sim.Fault{Kind: sim.Dropped}, want: ocm.OCMUnavailable, ambiguous: true},
		{fault: sim.Fault{Kind: sim.Hang}, want: ocm.OCMUnavailable, ambiguous: true},
		{fault: sim.Fault{Kind: sim.LostAnswer}, want: ocm.OCMUnavailable, ambiguous: true, created: true},
		{fault: sim.Fault{Kind: sim.Answer, Status: 201, Body: `{}`}, want: ocm.MalformedAnswer, ambiguous: true},
		{fault: sim.Fault{Kind: sim.Answer, Status: 201, Body: `{"id":"2Ju`}, want: ocm.MalformedAnswer, ambiguous: true},
		{fault: sim.Fault{Kind: sim.Answer, Status: 409, Body: `{"reason":"pending"}`}, want: ocm.OCMUnavailable},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s%s", test.fault.Kind, test.fault.Body), func(t *testing.T) {
			ctx := context.Background()
			r := newRig(t, sim.Options{})
			must(r.client.CurrentAccount(ctx))(t) // a token and a connection are there, as on any other day
			test.fault.Endpoint = sim.OpPostRotation
			r.Break(test.fault)
			patience := newLate()
			if test.fault.Kind == sim.Hang {
				held := r.Hold(sim.OpPostRotation, sim.BeforeEffect)
				go func() {
					<-held.Arrived()
					close(patience.passed)
				}()
			}

			_, err := r.client.RequestRotation(patience, r.account.ID)
			e := r.fails(err, test.want)
			if e.Ambiguous() != test.ambiguous || ocm.Ambiguous(err) != test.ambiguous {
				t.Errorf("ambiguous: got %v, want %v: %s", e.Ambiguous(), test.ambiguous, e.Message)
			}
			if n := r.Count(sim.OpPostRotation); n != 1 {
				t.Errorf("%d requests for a rotation were sent", n)
			}
			r.Mend()
			rotations := must(r.client.Rotations(ctx, r.account.ID))(t)
			if created := len(rotations) == 1; created != test.created {
				t.Errorf("rotations afterwards: %+v", rotations)
			}
		})
	}
}

func TestRequestRotation_ThatWasNeverSentIsNotAmbiguous(t *testing.T) {
	ctx := context.Background()
	t.Run("because OCM is down", func(t *testing.T) {
		r := newRig(t, sim.Options{})
		r.API().Stop()
		_, err := r.client.RequestRotation(ctx, r.account.ID)
		if e := r.fails(err, ocm.OCMUnavailable); e.Ambiguous() {
			t.Errorf("ambiguous: %s", e.Message)
		}
	})
	t.Run("because the SSO answers with an error", func(t *testing.T) {
		r := newRig(t, sim.Options{})
		r.Break(sim.Fault{Endpoint: sim.OpToken, Kind: sim.Error500})
		_, err := r.client.RequestRotation(ctx, r.account.ID)
		if e := r.fails(err, ocm.OCMUnavailable); e.Ambiguous() || e.Status != 500 {
			t.Errorf("got %+v", e)
		}
		if n := r.Count(sim.OpToken); n != 1 {
			t.Errorf("the SSO was asked %d times: the SDK's repeats are not off", n)
		}
	})
}

func TestRateLimit_CarriesHowLongToWait(t *testing.T) {
	r := newRig(t, sim.Options{})
	r.Break(sim.Fault{Endpoint: sim.OpListRotations, Kind: sim.RateLimited, RetryAfter: simctl.Duration(7 * time.Minute)})
	_, err := r.client.Rotations(context.Background(), r.account.ID)
	if e := r.fails(err, ocm.OCMRateLimited); e.RetryAfter != 7*time.Minute {
		t.Errorf("got %s", e.RetryAfter)
	}
	if n := r.Count(sim.OpListRotations); n != 1 {
		t.Errorf("%d requests were sent", n)
	}
	r.Mend()
	r.Break(sim.Fault{Endpoint: sim.OpToken, Kind: sim.RateLimited, RetryAfter: simctl.Duration(time.Minute)})
	fresh := r.connect(ocm.Config{Credential: ocm.Credential{Token: r.OfflineToken(r.account.ID)}})
	_, err = fresh.CurrentAccount(context.Background())
	if e := r.fails(err, ocm.OCMRateLimited); e.RetryAfter != time.Minute {
		t.Errorf("of the SSO: got %s", e.RetryAfter)
	}
}

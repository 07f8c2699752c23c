package sts_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
	"github.com/openshift/credential-rotation-operator/test/sim/sts"
)

var (
	start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	keys  = sts.Keys{
		"ASIASESSION": {"s3cr3t/+", "token/+==", "arn:aws-iso:iam::123456789012:role/path/of/machine-api", start.Add(time.Hour)},
		"AKIAFOREVER": {"other", "", "arn:aws-iso:iam::123456789012:role/emulated", time.Time{}},
		"ASIASECRET":  {"s3cr3t", "token", "arn:aws-iso-b:iam::123456789012:role/ebs", start.Add(time.Hour)},
		"ASIAUSGOV":   {"s3cr3t", "token", "arn:aws-us-gov:iam::123456789012:role/ebs", start.Add(time.Hour)},
	}
)

func newService(t *testing.T, change ...func(*sts.Options)) *sts.Sim {
	t.Helper()
	options := sts.Options{Clock: clocktesting.NewFakePassiveClock(start), Keys: keys}
	for _, c := range change {
		c(&options)
	}
	sim, err := sts.New(options)
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	return sim
}

// caller is AWS's real client with one key.
type caller struct{ region, id, secret, token string }

var good = caller{"us-iso-east-1", "ASIASESSION", "s3cr3t/+", "token/+=="}

// identity requests the caller's identity: the ARN, or the code of the error and the error.
func (c caller) identity(ctx context.Context, sim *sts.Sim) (identity *awssts.GetCallerIdentityOutput, code string, err error) {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.TLSClientConfig.RootCAs = sim.CA().Pool()
		t.DisableKeepAlives = true
	})
	identity, err = awssts.New(awssts.Options{
		Region:       c.region,
		BaseEndpoint: aws.String(sim.URL()),
		HTTPClient:   client,
		Credentials:  credentials.NewStaticCredentialsProvider(c.id, c.secret, c.token),
		Retryer:      aws.NopRetryer{},
	}).GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{})
	var apiError smithy.APIError
	if errors.As(err, &apiError) {
		code = apiError.ErrorCode()
	}
	return identity, code, err
}

func statusOf(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

func TestGetCallerIdentity_ReturnsTheOwnerOfAKey(t *testing.T) {
	sim := newService(t)
	for name, test := range map[string]struct {
		caller
		arn string
	}{
		"a session of C2S":      {good, "arn:aws-iso:sts::123456789012:assumed-role/machine-api/cap"},
		"another region of C2S": {caller{"us-iso-west-1", good.id, good.secret, good.token}, "arn:aws-iso:sts::123456789012:assumed-role/machine-api/cap"},
		"a session of SC2S":     {caller{"us-isob-east-1", "ASIASECRET", "s3cr3t", "token"}, "arn:aws-iso-b:sts::123456789012:assumed-role/ebs/cap"},
		"a session of GovCloud": {caller{"us-gov-west-1", "ASIAUSGOV", "s3cr3t", "token"}, "arn:aws-us-gov:sts::123456789012:assumed-role/ebs/cap"},
		"a key without a token": {caller{"us-iso-east-1", "AKIAFOREVER", "other", ""}, "arn:aws-iso:iam::123456789012:user/emulated"},
	} {
		t.Run(name, func(t *testing.T) {
			identity, _, err := test.identity(t.Context(), sim)
			if err != nil {
				t.Fatal(err)
			}
			if *identity.Arn != test.arn || *identity.Account != "123456789012" || len(strings.Split(*identity.UserId, ":")[0]) != 21 {
				t.Errorf("%s of account %s, user id %s; want %s", *identity.Arn, *identity.Account, *identity.UserId, test.arn)
			}
		})
	}
	if counts := sim.Counts(); counts.Requests != 5 || counts.ByOutcome["ok"] != 5 || counts.ByKey["ASIASESSION"] != 2 {
		t.Errorf("%+v", counts)
	}
}

func TestGetCallerIdentity_RefusesWithTheCodesOfAWS(t *testing.T) {
	for name, test := range map[string]struct {
		caller
		// at is how long after the start of the clock the request comes.
		at   time.Duration
		code string
	}{
		"unknown key":                      {caller{"us-iso-east-1", "ASIANOBODY", "s3cr3t", "token"}, 0, "InvalidClientTokenId"},
		"missing token":                    {caller{"us-iso-east-1", good.id, good.secret, ""}, 0, "InvalidClientTokenId"},
		"wrong token":                      {caller{"us-iso-east-1", good.id, good.secret, "token/+="}, 0, "InvalidClientTokenId"},
		"a token with a key that has none": {caller{"us-iso-east-1", "AKIAFOREVER", "other", "token"}, 0, "InvalidClientTokenId"},
		"a key of another partition":       {caller{"us-isob-east-1", good.id, good.secret, good.token}, 0, "InvalidClientTokenId"},
		"wrong secret":                     {caller{"us-iso-east-1", good.id, "s3cr3t/", good.token}, 0, "SignatureDoesNotMatch"},
		"expired":                          {good, time.Hour, "ExpiredToken"},
		"expired, and the secret wrong":    {caller{"us-iso-east-1", good.id, "?", good.token}, 2 * time.Hour, "ExpiredToken"},
		"a second before the expiry":       {good, time.Hour - time.Second, ""},
		"a key that does not expire":       {caller{"us-iso-east-1", "AKIAFOREVER", "other", ""}, 1000 * time.Hour, ""},
		"expired in the other partition":   {caller{"us-isob-east-1", good.id, good.secret, good.token}, 2 * time.Hour, "InvalidClientTokenId"},
	} {
		t.Run(name, func(t *testing.T) {
			sim := newService(t)
			sim.Advance(test.at)
			_, code, err := test.identity(t.Context(), sim)
			if code != test.code || test.code != "" && statusOf(err) != 403 {
				t.Errorf("code %q, status %d: %v; want %q", code, statusOf(err), err, test.code)
			}
		})
	}
}

func TestGetCallerIdentity_CanCheckTheRegionAndTheTime(t *testing.T) {
	bound := newService(t, func(o *sts.Options) { o.Region = "us-iso-west-1" })
	if _, code, err := good.identity(t.Context(), bound); code != "SignatureDoesNotMatch" {
		t.Errorf("signed for another region: %v", err)
	}
	// The client signs with the machine's time; the service uses the fake clock.
	strict := newService(t, func(o *sts.Options) { o.CheckClockSkew = true })
	strict.Advance(time.Since(start) + 10*time.Minute)
	if _, code, err := (caller{"us-iso-east-1", "AKIAFOREVER", "other", ""}).identity(t.Context(), strict); code != "SignatureDoesNotMatch" {
		t.Errorf("signed ten minutes ago: %v", err)
	}
	strict.Advance(-10 * time.Minute)
	if _, _, err := (caller{"us-iso-east-1", "AKIAFOREVER", "other", ""}).identity(t.Context(), strict); err != nil {
		t.Errorf("signed just now: %v", err)
	}
}

func TestGetCallerIdentity_KnowsTheKeysOfTheCAPSimulatorInTheSameTime(t *testing.T) {
	portal, err := cap.New(cap.Options{Roles: map[string]string{"machine-api": "123456789012"}, ControlAddress: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := portal.Start(); err != nil {
		t.Fatal(err)
	}
	defer portal.Close()
	certificate, key, err := portal.ClientCertificate("npe")
	if err != nil {
		t.Fatal(err)
	}
	issued := fetchFrom(t, portal, certificate, key)
	here := newService(t, func(o *sts.Options) { o.Keys, o.Clock = portal, portal.Clock() })
	elsewhere := newService(t, func(o *sts.Options) {
		o.Keys, o.Clock = sts.RemoteKeys{ControlURL: portal.ControlURL()}, portal.Clock()
	})
	for name, sim := range map[string]*sts.Sim{"in one process": here, "in two processes": elsewhere} {
		identity, _, err := issued.identity(t.Context(), sim)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := "arn:aws-iso:sts::123456789012:assumed-role/machine-api/cap"; *identity.Arn != want {
			t.Errorf("%s: %s, want %s", name, *identity.Arn, want)
		}
	}
	portal.Advance(2 * time.Hour)
	for name, sim := range map[string]*sts.Sim{"in one process": here, "in two processes": elsewhere} {
		if _, code, err := issued.identity(t.Context(), sim); code != "ExpiredToken" {
			t.Errorf("%s, two hours later: %v", name, err)
		}
	}
	portal.Kill("machine-api")
	portal.Advance(-2 * time.Hour)
	if _, code, err := issued.identity(t.Context(), elsewhere); code != "InvalidClientTokenId" {
		t.Errorf("killed: %v", err)
	}
}

func TestFault_EachKindReachesTheRealClient(t *testing.T) {
	for _, test := range []struct {
		fault  sts.Fault
		code   string // of the API error, empty without one
		status int    // of the response, 0 without one
	}{
		{sts.Fault{Kind: sts.FaultServerError}, "InternalFailure", 500},
		{sts.Fault{Kind: sts.FaultUnavailable}, "ServiceUnavailable", 503},
		{sts.Fault{Kind: sts.FaultThrottling}, "Throttling", 400},
		{sts.Fault{Kind: sts.FaultError, Status: 403, Code: "AccessDenied"}, "AccessDenied", 403},
		{sts.Fault{Kind: sts.FaultBadGateway}, "", 502},
		{sts.Fault{Kind: sts.FaultDisconnect}, "", 0},
	} {
		t.Run(string(test.fault.Kind), func(t *testing.T) {
			sim := newService(t)
			test.fault.Times, test.fault.Delay = 1, simctl.Duration(time.Millisecond)
			if err := sim.Break(test.fault); err != nil {
				t.Fatal(err)
			}
			_, code, err := good.identity(t.Context(), sim)
			if err == nil || statusOf(err) != test.status || test.code != "" && code != test.code {
				t.Errorf("code %q, status %d: %v", code, statusOf(err), err)
			}
			if _, _, err := good.identity(t.Context(), sim); err != nil {
				t.Errorf("after the fault: %v", err)
			}
		})
	}
}

func TestFault_DelayRespondsAndHangDoesNot(t *testing.T) {
	sim := newService(t)
	if err := sim.Break(sts.Fault{Kind: sts.FaultDelay, Delay: simctl.Duration(time.Millisecond), Times: 1}, sts.Fault{Kind: sts.FaultHang}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := good.identity(t.Context(), sim); err != nil {
		t.Errorf("delayed: %v", err)
	}
	hung := make(chan error, 1)
	go func() {
		_, _, err := good.identity(t.Context(), sim)
		hung <- err
	}()
	for sim.Counts().Requests < 2 {
		time.Sleep(time.Millisecond)
	}
	sim.Stop()
	if err := <-hung; err == nil {
		t.Error("a hanging request got a response")
	}
	if _, code, err := good.identity(t.Context(), sim); code != "" || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("while stopped: %v", err)
	}
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	sim.Heal()
	if _, _, err := good.identity(t.Context(), sim); err != nil {
		t.Errorf("started again: %v", err)
	}
}

func TestBreak_RefusesAnInvalidFault(t *testing.T) {
	sim := newService(t)
	for _, fault := range []sts.Fault{{Kind: "hung"}, {Kind: sts.FaultError}, {Kind: sts.FaultHang, Times: -1}} {
		if err := sim.Break(fault); err == nil || !strings.Contains(err.Error(), " ") {
			t.Errorf("%+v: %v", fault, err)
		}
	}
}

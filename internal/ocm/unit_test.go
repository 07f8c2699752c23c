package ocm

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/klog/v2"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/proxy"
)

func TestKinds_AreConditionReasons(t *testing.T) {
	for kind, reason := range map[Kind]string{
		InvalidSpec:               v1alpha1.ReasonInvalidSpec,
		OCMCredentialMissing:      v1alpha1.ReasonOCMCredentialMissing,
		OCMTokenExpired:           v1alpha1.ReasonOCMTokenExpired,
		OCMClientRefused:          v1alpha1.ReasonOCMClientRefused,
		OCMOfflineTokensForbidden: v1alpha1.ReasonOCMOfflineTokensForbidden,
		OCMUnauthorized:           v1alpha1.ReasonOCMUnauthorized,
		OCMForbidden:              v1alpha1.ReasonOCMForbidden,
		OCMUnavailable:            v1alpha1.ReasonOCMUnavailable,
		OCMRateLimited:            v1alpha1.ReasonOCMRateLimited,
		ClockSkew:                 v1alpha1.ReasonClockSkew,
		MalformedAnswer:           v1alpha1.ReasonMalformedAnswer,
		HostNotAllowed:            v1alpha1.ReasonHostNotAllowed,
	} {
		if string(kind) != reason {
			t.Errorf("kind %s is reason %s", kind, reason)
		}
	}
}

func TestSecrets_RedactThemselvesHoweverTheyArePrinted(t *testing.T) {
	const canary = "CANARY"
	credential := Credential{Token: canary, ClientID: canary, ClientSecret: canary}
	token := ClusterToken{ClusterID: canary, Auth: canary}
	transfer := Transfer{ID: "1", Secret: []byte(canary)}
	client, err := New(Config{Credential: credential})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	for _, value := range []any{
		credential, &credential, token, &token, transfer, &transfer, []Transfer{transfer},
		Config{Credential: credential, ClusterToken: token}, &Config{Credential: credential}, client,
	} {
		var logged strings.Builder
		slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "value", value)
		marshalled, _ := json.Marshal(value)
		text := fmt.Sprintf("%v %+v %#v %s %q", value, value, value, value, value) + logged.String() + string(marshalled)
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprint([]byte(canary))) || strings.Contains(text, "Q0FOQVJZ") {
			t.Errorf("%T prints its secret: %s", value, text)
		}
	}
}

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	offline := Credential{Token: "opaque"}
	idToken := "e30." + "eyJ0eXAiOiJJRCJ9" + ".c2ln" // typ: ID
	const cluster = "8d0f8a0c-41f0-4b0e-9c9e-0d0d0f7a4a11"
	tests := []struct {
		name   string
		config Config
		want   Kind
	}{
		{"no credential", Config{}, OCMCredentialMissing},
		{"a client id alone", Config{Credential: Credential{ClientID: "id"}}, OCMCredentialMissing},
		{"a client secret alone", Config{Credential: Credential{ClientSecret: "CANARY"}}, OCMCredentialMissing},
		{"a token of two lines", Config{Credential: Credential{Token: "CANARY\nCANARY"}}, OCMCredentialMissing},
		{"a token that is none for logging in", Config{Credential: Credential{Token: idToken}}, OCMCredentialMissing},
		{"a cluster's token as credential", Config{Credential: Credential{Token: cluster + ":Q0FOQVJZ"}}, OCMCredentialMissing},
		{"a cluster id that is no UUID", Config{ClusterToken: ClusterToken{ClusterID: "CANARY", Auth: "Q0FOQVJZ"}}, OCMCredentialMissing},
		{"an auth that is no base64, which the SDK would send to the SSO", Config{ClusterToken: ClusterToken{ClusterID: cluster, Auth: "CANARY!"}}, OCMCredentialMissing},
		{"an empty auth", Config{ClusterToken: ClusterToken{ClusterID: cluster}}, OCMCredentialMissing},
		{"both", Config{Credential: offline, ClusterToken: ClusterToken{ClusterID: cluster, Auth: "Q0FOQVJZ"}}, InvalidSpec},
		{"plain HTTP", Config{Credential: offline, URL: "http://CANARY"}, InvalidSpec},
		{"plain HTTP to the SSO", Config{Credential: offline, TokenURL: "http://CANARY/token"}, InvalidSpec},
		{"a user in the URL", Config{Credential: offline, URL: "https://CANARY:CANARY@ocm.example.com"}, InvalidSpec},
		{"a path, which the SDK drops", Config{Credential: offline, URL: "https://proxy.example.com/ocm"}, InvalidSpec},
		{"no host", Config{Credential: offline, URL: "https://"}, InvalidSpec},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client, err := New(test.config)
			if client != nil || !IsKind(err, test.want) {
				t.Fatalf("got %v, want kind %s", err, test.want)
			}
			if strings.Contains(err.Error(), "CANARY") {
				t.Errorf("the error repeats the configuration: %v", err)
			}
		})
	}
}

func TestNew_KnowsWherePublicAndFedRAMPServicesAre(t *testing.T) {
	public, err := complete(Config{Credential: Credential{Token: " opaque\n"}})
	if err != nil || public.URL != "https://api.openshift.com" || !strings.HasPrefix(public.TokenURL, "https://sso.redhat.com/") ||
		public.Credential.Token != "opaque" || public.Timeout != DefaultTimeout {
		t.Errorf("public: got %+v, %v", public, err)
	}
	government, err := complete(Config{URL: "https://api.openshiftusgov.com", Credential: Credential{Token: "opaque"}})
	if err != nil || !strings.HasPrefix(government.TokenURL, "https://sso.openshiftusgov.com/") || government.Credential.ClientID != "console-dot" {
		t.Errorf("FedRAMP: got %+v, %v", government, err)
	}
}

func TestIDs_ThatWouldChangeAPathOrASearchAreRefusedUnsent(t *testing.T) {
	client, err := New(Config{URL: "https://127.0.0.1:1", TokenURL: "https://127.0.0.1:1/token", Credential: Credential{Token: "opaque"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	for _, id := range []string{"", "..", "a/b", "a?b", "a'b", strings.Repeat("a", 65), "a b", "é"} {
		_, rotations := client.Rotations(t.Context(), id)
		_, rotation := client.Rotation(t.Context(), "good", id)
		_, request := client.RequestRotation(t.Context(), id)
		_, transfers := client.ClusterTransfers(t.Context(), id)
		_, subscriptions := client.Siblings(t.Context(), id, "")
		for i, err := range []error{rotations, rotation, request, transfers, subscriptions} {
			if !IsKind(err, InvalidSpec) {
				t.Errorf("id %q, call %d: got %v", id, i, err)
			}
		}
	}
}

func TestTransport_AsksWhichProxyToUse(t *testing.T) {
	transport, err := newTransport(Config{URL: "https://a.example.com", TokenURL: "https://b.example.com/token"})
	if err != nil {
		t.Fatal(err)
	}
	want, got := reflect.ValueOf(proxy.For).Pointer(), reflect.ValueOf(transport.inner.(*http.Transport).Proxy).Pointer()
	if got != want {
		t.Error("the transport does not ask proxy.For")
	}
}

func TestIssuedAt_IsWhatTheTokenSays(t *testing.T) {
	token := "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"Offline","iat":1763640000}`)) + ".c2ln"
	if got := (Credential{Token: token + "\n"}).IssuedAt(); !got.Equal(time.Unix(1763640000, 0)) {
		t.Errorf("got %s", got)
	}
	for _, credential := range []Credential{{}, {Token: "opaque"}, {ClientID: "id", ClientSecret: "secret"}, {Token: "a.b.c"}} {
		if got := credential.IssuedAt(); !got.IsZero() {
			t.Errorf("got %s without a token that says so", got)
		}
	}
}

func TestTransport_RefusesHostsThatAreNotTheServices(t *testing.T) {
	transport, err := newTransport(Config{URL: "https://a.example.com", TokenURL: "https://b.example.com/token"})
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"https://c.example.com/", "http://a.example.com/", "https://b.example.com/other"} {
		request, _ := http.NewRequestWithContext(withRecord(t.Context(), &record{}), http.MethodGet, target, nil)
		response, err := transport.RoundTrip(request)
		if err == nil {
			_ = response.Body.Close()
		}
		if !errors.Is(err, errElsewhere) {
			t.Errorf("%s: got %v", target, err)
		}
	}
}

// The SDK imports glog, whose flags klog's would collide with in flag.CommandLine.
func TestImport_LeavesKlogUsableWithAFlagSetOfItsOwn(t *testing.T) {
	set := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(set)
	if set.Lookup("v") == nil {
		t.Error("klog has no flag v")
	}
	if flag.CommandLine.Lookup("logtostderr") == nil {
		t.Error("glog's flags are gone: the package's comment about them can go too")
	}
}

func TestQuiet_IsQuietAtEveryLevel(t *testing.T) {
	logger := quiet{}
	if slices.Contains([]bool{logger.DebugEnabled(), logger.InfoEnabled(), logger.WarnEnabled(), logger.ErrorEnabled()}, true) {
		t.Error("a level is enabled")
	}
	logger.Fatal(t.Context(), "the process goes on")
}

// What people paste: the message names what is wrong with it and what to store, and repeats nothing of it.
func TestCredential_SaysWhatWasPastedInsteadOfACredential(t *testing.T) {
	const secret = "CANARYeyJhbGciOi"
	for _, c := range []struct {
		pasted Credential
		says   string
	}{
		{Credential{Token: "ocm login --token=" + secret}, "its token is a part of a command line"},
		{Credential{Token: "--token=" + secret}, "its token is a part of a command line"},
		{Credential{Token: secret + "\n" + secret}, "its token contains white space"},
		{Credential{Token: `"` + secret + `"`}, "its token is in quotation marks"},
		{Credential{ClientID: "id", ClientSecret: "--client-secret " + secret}, "its client secret is a part of a command line"},
		{Credential{ClientID: "my id", ClientSecret: secret}, "its client id contains white space"},
	} {
		_, err := New(Config{Credential: c.pasted})
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "Store the bare") || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("want %q, got %v", c.says, err)
		}
	}
}

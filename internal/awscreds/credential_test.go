package awscreds

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// canary is in every value of this credential; wherever it appears, a secret has leaked.
const canary = "CANARY"

var example = Credential{
	AccessKeyID:     "ASIA" + canary + "EXAMPLE",
	SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfi" + canary + "KEY=",
	SessionToken:    "IQoJb3JpZ2luX2VjE/" + canary + "+abc/def==",
}

func TestCredential_ShowsNothingOfItselfHoweverItIsPrinted(t *testing.T) {
	nested := struct{ C, P any }{example, &example}
	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("x", "credential", example, "pointer", &example)
	asJSON, err := json.Marshal(nested)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(nested)
	if err != nil {
		t.Fatal(err)
	}
	asText, err := example.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{
		string(asText), example.GoString(), log.String(), string(asJSON), string(asYAML), example.String(), fmt.Sprint(example.MarshalLog()),
		fmt.Sprintf("%v %+v %#v %s %q %x %d", example, example, example, example, example, example, example),
		fmt.Sprintf("%v %+v %#v", nested, nested, nested), fmt.Sprintf("%+v", map[string]Credential{"a": example}),
		fmt.Errorf("wrapped: %v", example).Error(),
	} {
		if strings.Contains(shown, canary) || strings.Contains(shown, fmt.Sprintf("%x", canary)) {
			t.Errorf("a secret shows in %q", shown)
		}
	}
}

func TestCredential_IsPrintedAsWhatItIs(t *testing.T) {
	if got := fmt.Sprint(example); got != "[AWS credential, redacted]" {
		t.Errorf("it is printed as %q", got)
	}
}

func TestSame_ComparesEachValue(t *testing.T) {
	if !example.Same(example) {
		t.Error("it is another than itself")
	}
	for i, other := range []Credential{
		{"x", example.SecretAccessKey, example.SessionToken, Expiry{}}, {example.AccessKeyID, "x", example.SessionToken, Expiry{}},
		{example.AccessKeyID, example.SecretAccessKey, "x", Expiry{}},
	} {
		if example.Same(other) {
			t.Errorf("it is the same as one whose value %d differs", i)
		}
	}
}

func TestValidate_RefusesWhatACredentialsFileCouldNotHold(t *testing.T) {
	with := func(change func(*Credential)) Credential {
		c := example
		change(&c)
		return c
	}
	for _, test := range []struct {
		name string
		in   Credential
		want error
	}{
		{"a complete credential", example, nil},
		{"a credential without a token", with(func(c *Credential) { c.AccessKeyID, c.SessionToken = "AKIA1", "" }), nil},
		{"a temporary key without its token", with(func(c *Credential) { c.SessionToken = "" }), ErrNoToken},
		{"a missing access key", with(func(c *Credential) { c.AccessKeyID = "" }), ErrIncomplete},
		{"a missing secret key", with(func(c *Credential) { c.SecretAccessKey = "" }), ErrIncomplete},
		{"a newline in the access key", with(func(c *Credential) { c.AccessKeyID += "\nrole_arn = evil" }), ErrUnsafe},
		{"a carriage return in the secret key", with(func(c *Credential) { c.SecretAccessKey += "\r" }), ErrUnsafe},
		{"a NUL in the token", with(func(c *Credential) { c.SessionToken += "\x00" }), ErrUnsafe},
		{"a comment in the secret key", with(func(c *Credential) { c.SecretAccessKey += " #x" }), ErrUnsafe},
		{"a blank at the end", with(func(c *Credential) { c.SecretAccessKey += " " }), ErrUnsafe},
		{"a quote", with(func(c *Credential) { c.SecretAccessKey = `"` + c.SecretAccessKey + `"` }), ErrUnsafe},
		{"a bracket", with(func(c *Credential) { c.AccessKeyID = "[x]" }), ErrUnsafe},
		{"a byte beyond ASCII", with(func(c *Credential) { c.SessionToken += "é" }), ErrUnsafe},
		{"DEL", with(func(c *Credential) { c.SessionToken += "\x7f" }), ErrUnsafe},
		{"the last printable character", with(func(c *Credential) { c.SessionToken += "~" }), nil},
		{"the longest token", with(func(c *Credential) { c.SessionToken = strings.Repeat("a", MaxValueLength) }), nil},
		{"an endless token", with(func(c *Credential) { c.SessionToken = strings.Repeat("a", MaxValueLength+1) }), ErrTooLong},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.in.Validate()
			if !errors.Is(err, test.want) {
				t.Errorf("Validate() = %v, want %v", err, test.want)
			}
			if data := Render(test.in); (data == nil) != (test.want != nil) {
				t.Errorf("Render gave data of %d keys for a credential with error %v", len(data), test.want)
			}
		})
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// canaries are all secret values in use.
func (w *world) canaries() harness.Canaries {
	all := harness.Canaries{}
	add := func(what string, values []string) {
		for i, value := range values {
			if len(value) >= 12 { // shorter ones would be found by chance
				all[fmt.Sprintf("%s %d", what, i+1)] = value
			}
		}
	}
	add("secret of OCM", w.ocm.Canaries())
	add("token of a registry", w.registries.Canaries())
	add("secret of CAP", w.cap.IssuedSecrets())
	for what, value := range w.own {
		all[what] = value
	}
	return all
}

// writeCanaries writes them to a file.
func (w *world) writeCanaries(path string) error {
	if w.sts == nil {
		return nil // the demo ended before there were any
	}
	raw, err := json.Marshal(w.canaries())
	if err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}

// lookForSecrets searches all readable output for every secret value that was in use.
func (w *world) lookForSecrets(ctx context.Context) error {
	w.tell.chapter("3. Where the secrets are: in Secrets, and nowhere else")
	log, err := w.operator.Logs()
	if err != nil {
		return err
	}
	metrics, err := w.operator.Metrics(ctx)
	if err != nil {
		return err
	}
	canaries, told := w.canaries(), w.tell.text()
	found, err := canaries.Scan(ctx, w.cp.Client, map[string]string{"the operator's log": string(log), "its metrics": metrics, "this story": told})
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return errors.New("secrets leaked: " + strings.Join(found, "; "))
	}
	w.tell.line(proved, "%d secret values were looked for, in clear, base64, hexadecimal, URL encoding and JSON: in the %d lines of the operator's "+
		"log at its most verbose "+
		"level, its metrics, both objects' status, all events, ConfigMaps and Leases, and in this story. None "+
		"is there.", len(canaries), strings.Count(string(log), "\n"))
	return nil
}

// whatThereIs shows the result, and how to look around.
func (w *world) whatThereIs(ctx context.Context) error {
	w.tell.chapter("What there is now")
	const names = `{{range .items}}{{.metadata.namespace}}/{{.metadata.name}}:{{range $key, $value := .data}} {{$key}}{{end}}{{"\n"}}{{end}}`
	events := "custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.message"
	for _, args := range [][]string{
		{"get", "psr,capset"},
		{"get", "psr", "-o", "wide"},
		{"get", "events", "--field-selector", "involvedObject.kind=PullSecretRotation", "-o", events},
		{"get", "events", "--field-selector", "involvedObject.kind=CAPCredentialSet", "-o", events},
		{"get", "secrets", "-A", "-o", "go-template=" + names},
	} {
		if err := w.show(ctx, args...); err != nil {
			return err
		}
	}
	if os.Getenv("KEEP") == "" {
		w.tell.say("To look around yourself: make demo KEEP=1. To use it on a cluster: README.md.")
		return nil
	}
	w.whatToTry()
	return nil
}

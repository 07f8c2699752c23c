package attest

import (
	"encoding/json"
)

// Provenance describes the build.
type Provenance struct {
	Version, Base, Repository, Commit, GoVersion string
	Platforms                                    []string
}

// buildType identifies the build: `make release` as described in development.md.
const buildType = "/blob/main/docs/development.md#releasing"

type statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     predicate `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type predicate struct {
	BuildDefinition buildDefinition `json:"buildDefinition"`
	RunDetails      runDetails      `json:"runDetails"`
}

type buildDefinition struct {
	BuildType            string         `json:"buildType"`
	ExternalParameters   map[string]any `json:"externalParameters"`
	InternalParameters   map[string]any `json:"internalParameters"`
	ResolvedDependencies []resource     `json:"resolvedDependencies"`
}

type resource struct {
	URI    string            `json:"uri"`
	Digest map[string]string `json:"digest,omitempty"`
}

type runDetails struct {
	Builder builder `json:"builder"`
}

type builder struct {
	ID      string            `json:"id"`
	Version map[string]string `json:"version"`
}

// Statement is the in-toto statement with the predicate of SLSA's provenance, version 1, over files and images. It contains no time and no
// machine name, so that every build of the same source gives the same statement.
func (p Provenance) Statement(files []Sum, images []Image) ([]byte, error) {
	s := statement{Type: "https://in-toto.io/Statement/v1", PredicateType: "https://slsa.dev/provenance/v1"}
	for _, i := range images {
		s.Subject = append(s.Subject, subject{i.Name, map[string]string{"sha256": trimSHA(i.Digest)}})
	}
	for _, f := range files {
		s.Subject = append(s.Subject, subject{f.Name, map[string]string{"sha256": f.SHA256}})
	}
	s.Predicate.BuildDefinition = buildDefinition{
		BuildType:          p.Repository + buildType,
		ExternalParameters: map[string]any{"version": p.Version, "base": p.Base, "platforms": p.Platforms, "target": "release"},
		InternalParameters: map[string]any{"go": p.GoVersion},
		ResolvedDependencies: append([]resource{{URI: "git+" + p.Repository, Digest: map[string]string{"gitCommit": p.Commit}}},
			p.base()...),
	}
	s.Predicate.RunDetails.Builder = builder{ID: p.Repository + "/blob/main/hack/release", Version: map[string]string{"go": p.GoVersion}}
	return json.MarshalIndent(s, "", "  ")
}

func (p Provenance) base() []resource {
	name, digest := cutDigest(p.Base)
	if digest == "" {
		return nil
	}
	return []resource{{URI: "oci://" + name, Digest: map[string]string{"sha256": digest}}}
}

func cutDigest(image string) (name, digest string) {
	for i := len(image) - 1; i >= 0; i-- {
		if image[i] == '@' {
			return image[:i], trimSHA(image[i+1:])
		}
	}
	return image, ""
}

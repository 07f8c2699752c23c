package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/openshift/credential-rotation-operator/hack/release/oci"
)

// layouts are the images in push order: each after those that it references.
func (m *maker) layouts() []struct{ layout, repository string } {
	return []struct{ layout, repository string }{
		{"operator", m.facts.Image}, {"must-gather", m.facts.MustGatherImage}, {"bundle", m.facts.BundleImage}, {"catalog", m.facts.CatalogImage},
	}
}

// push pushes the images that were built.
func (m *maker) push(ctx context.Context) error {
	pushed := 0
	for _, l := range m.layouts() {
		if _, err := os.Stat(m.layout(l.layout)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		index, tag, err := oci.Read(m.layout(l.layout))
		if err != nil {
			return err
		}
		digest, err := oci.Push(ctx, l.repository, tag, index)
		if err != nil {
			return err
		}
		tell("pushed", l.repository+":"+tag, digest)
		pushed++
	}
	if pushed == 0 {
		return fmt.Errorf("%s has no images: build them first", m.layout(""))
	}
	return nil
}

package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"testing"
	"time"
)

// certificate writes a certificate and its key, and returns the files.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
}

func TestTLS(t *testing.T) {
	if c, err := (TLS{CAFile: "not looked at"}).client(); c != nil || err != nil {
		t.Errorf("off: %v, %v", c, err)
	}
	c, err := TLS{Enabled: true}.client()
	if err != nil || c.RootCAs != nil || len(c.Certificates) != 0 || c.InsecureSkipVerify {
		t.Errorf("on: %+v, %v", c, err)
	}
	cert, key := certificate(t)
	c, err = TLS{Enabled: true, CAFile: cert, CertFile: cert, KeyFile: key}.client()
	if err != nil || c.RootCAs == nil || len(c.Certificates) != 1 {
		t.Errorf("with everything: %+v, %v", c, err)
	}
	if _, err = (TLS{Enabled: true, CAFile: key}).client(); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("a key for an authority: %v", err)
	}
	if _, err = (TLS{Enabled: true, CAFile: cert + "x"}).client(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no authorities: %v", err)
	}
	if _, err = (TLS{Enabled: true, CertFile: cert, KeyFile: cert}).client(); err == nil {
		t.Error("a certificate for a key")
	}
}

func TestSASL(t *testing.T) {
	for mechanism, want := range map[string]string{"plain": "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512"} {
		m, err := SASL{Mechanism: mechanism, Username: "u", Password: "p"}.client()
		if err != nil || m.Name() != want {
			t.Errorf("%s: %v, %v", mechanism, m, err)
		}
	}
	if m, err := (SASL{}).client(); m != nil || err != nil {
		t.Errorf("none: %v, %v", m, err)
	}
}

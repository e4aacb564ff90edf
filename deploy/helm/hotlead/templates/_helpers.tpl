{{/* The name of everything: the release's, with hotlead in it. */}}
{{- define "hotlead.name" -}}
{{- if contains "hotlead" .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-hotlead" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What pods are found by: it can't change between versions. */}}
{{- define "hotlead.selector" -}}
app.kubernetes.io/name: hotlead
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "hotlead.labels" -}}
{{ include "hotlead.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "hotlead.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* The configuration file. What the chart itself decides goes over what the values say. */}}
{{- define "hotlead.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $_ := set $config "http" (merge (dict "listen" ":8080") ($config.http | default dict)) -}}
{{- if .Values.model -}}
{{- $_ := set $config "model" "/etc/hotlead/config/model.yaml" -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* Rules for the egress to servers: their ports, each once, and the peers where they are. */}}
{{- define "hotlead.egress" -}}
- ports:
    {{- $seen := dict -}}
    {{- range .addresses }}
    {{- $port := regexFind "[0-9]+$" . }}
    {{- if not (hasKey $seen $port) }}
    {{- $_ := set $seen $port true }}
    - {protocol: TCP, port: {{ $port }}}
    {{- end }}
    {{- end }}
    {{- range .more }}
    - {protocol: TCP, port: {{ int . }}}
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

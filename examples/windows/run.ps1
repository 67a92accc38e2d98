# A migration, one step at a time:
#
#   .\run.ps1 check|run|status|failed|report [LIST] [-Parallel N]
#
# Every step can be run again at any time. Exit codes are those of imapfleet.
param(
    [Parameter(Mandatory = $true, Position = 0)]
    [ValidateSet('check', 'run', 'status', 'failed', 'report')]
    [string] $Step,

    [Parameter(Position = 1)]
    [string] $List = 'accounts.csv',

    [int] $Parallel = 8
)

# imapfleet.exe stands beside this script, or in the PATH.
$exe = Join-Path $PSScriptRoot 'imapfleet.exe'
if (-not (Test-Path -LiteralPath $exe)) { $exe = 'imapfleet.exe' }

switch ($Step) {
    'check' { & $exe check $List --parallel 16 }
    'run' { & $exe run $List --parallel $Parallel }
    'status' { & $exe status $List }
    'failed' { & $exe run $List --parallel $Parallel --failed }
    'report' {
        $state = $List
        if ($List -clike '*.csv') { $state = $List.Substring(0, $List.Length - 4) }
        Import-Csv -Path "$state.imapfleet\results.csv" -Delimiter ';' -Encoding UTF8 |
            Format-Table line, user2, state, listed, source_octets, text
        exit 0
    }
}
exit $LASTEXITCODE

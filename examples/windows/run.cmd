@echo off
rem A migration, one step at a time:
rem
rem   run.cmd check, run, status or failed, then the list
rem
rem Every step can be run again at any time. Exit codes are those of imapfleet.
setlocal
set "list=%~2"
if "%list%"=="" set "list=accounts.csv"

rem imapfleet.exe stands beside this script, or in the PATH.
set "exe=%~dp0imapfleet.exe"
if not exist "%exe%" set "exe=imapfleet.exe"

if "%~1"=="check" goto check
if "%~1"=="run" goto run
if "%~1"=="status" goto status
if "%~1"=="failed" goto failed
echo usage: run.cmd check^|run^|status^|failed [LIST] 1>&2
exit /b 2

:check
"%exe%" check "%list%" --parallel 16
exit /b %errorlevel%

:run
"%exe%" run "%list%" --parallel 8
exit /b %errorlevel%

:status
"%exe%" status "%list%"
exit /b %errorlevel%

:failed
"%exe%" run "%list%" --parallel 8 --failed
exit /b %errorlevel%
